/* SPDX-License-Identifier: MIT */
#include "queue/route.h"

#include <string.h>

static const struct device_config *device_by_name(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (strcmp(config->devices[i].name, name) == 0)
			return &config->devices[i];
	return NULL;
}

const struct account_config *route_account(const struct config *config, const char *device,
					   const struct user *user)
{
	const struct device_config *found = device != NULL ? device_by_name(config, device) : NULL;
	const struct account_config *own = user != NULL && user->account != NULL
						   ? config_account(config, user->account)
						   : NULL;
	if (own != NULL)
		return own;
	if (found != NULL && found->account != NULL)
		return config_account(config, found->account);
	return config->account_count == 1 ? &config->accounts[0] : NULL;
}

/* SPDX-License-Identifier: MIT */
#include "config/finish.h"

#include <stdlib.h>

#include "common/mem.h"
#include "config/hostname.h"

enum {
	URL_MAX = 4096
};

static void finish_hostname(struct config *config, struct diag *diag)
{
	struct strbuf name;
	if (config->hostname[0] != '\0')
		return;
	strbuf_init(&name, 300);
	if (!hostname_guess(&name))
		diag_warning(diag, (struct diag_place){ diag->path, 0 },
			     "the machine has no full name, so the relay calls itself %s; set "
			     "hostname = \"relay.your-domain\";",
			     strbuf_cstr(&name));
	mem_replace_str(&config->hostname, strbuf_cstr(&name));
	strbuf_done(&name);
}

void finish_users_file(struct config *config)
{
	struct strbuf path;
	if (config->users_file[0] != '\0')
		return;
	strbuf_init(&path, URL_MAX);
	strbuf_addf(&path, "%s/users", config->state_dir);
	mem_replace_str(&config->users_file, strbuf_cstr(&path));
	strbuf_done(&path);
}

static void finish_listener(struct listener_config *listener, struct diag *diag)
{
	struct err err;
	if (listener->address[0] == '\0')
		return; /* reported as missing */
	if (!endpoint_parse(str_of(listener->address), &listener->endpoint, &err))
		diag_error_at(diag, &listener->address, "listener: %s", err.text);
}

static void finish_device(struct device_config *device, struct diag *diag)
{
	struct err err;
	if (device->account != NULL && device->account[0] == '\0')
		mem_replace_str(&device->account, NULL);
	if (device->address[0] == '\0')
		return; /* reported as missing */
	if (network_parse(str_of(device->address), &device->network, &err))
		return;
	diag_error_at(diag, &device->address, "device \"%s\": %s", device->name, err.text);
	/* As one that is missing: what is wrong with it has been said. */
	mem_replace_str(&device->address, "");
}

/* What it seals with is read by those who seal; here only whether they could. */
static void finish_seal_key(struct config *config, struct diag *diag)
{
	struct err err;
	struct secret key = { 0 };
	struct str ref = str_of(config->seal_key_ref);
	if (ref.n == 0)
		return;
	if (diag->by_hand && secret_out_of_reach(ref))
		diag_warning_at(diag, &config->seal_key_ref,
				"seal_key is a systemd credential, which only the service sees: "
				"not looked at");
	else if (!secret_load(ref, &key, &err))
		diag_error_at(diag, &config->seal_key_ref, "seal_key: %s", err.text);
	secret_done(&key);
}

void finish_config(struct config *config, struct diag *diag)
{
	finish_hostname(config, diag);
	finish_users_file(config);
	for (size_t i = 0; i < config->listener_count; i++)
		finish_listener(&config->listeners[i], diag);
	for (size_t i = 0; i < config->device_count; i++)
		finish_device(&config->devices[i], diag);
	finish_seal_key(config, diag);
	finish_proxy(config, diag);
	for (size_t i = 0; i < config->account_count; i++)
		finish_account(config, &config->accounts[i], diag);
}

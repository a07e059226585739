/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_PROVIDER_H
#define OAUTHRELAY_CONFIG_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "config/config.h"

/*
 * Presets: what an account of a known provider need not say (microsoft365.md sections 1 to 3). An
 * account's own keys override every column. Pure, any thread.
 */
struct provider {
	const char *name;
	bool microsoft; /* its rules apply: sender, limits, tenant */
	const char *host;
	unsigned port;
	enum upstream_tls tls;
	enum upstream_auth auth;
	const char *authority;
	const char *scope;
	enum sender_rule sender;
	struct account_limits limits;  /* safe ones, a little below what the host allows */
	struct account_limits allowed; /* the host's own, 0 where it has none: for warnings */
	const char *help;
};

extern const struct provider providers[];
extern const size_t provider_count;

const struct provider *provider_find(struct str name); /* NULL when there is none */
/* Fills the columns into an account; provider NULL stands for a name that is wrong anyway. */
void provider_apply(const struct provider *provider, struct account_config *account);

#endif

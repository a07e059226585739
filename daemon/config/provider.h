/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_PROVIDER_H
#define OAUTHRELAY_CONFIG_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"
#include "config/config.h"

/*
 * Presets: what an account of a known provider need not say (microsoft365.md sections 1 to 3, 4.6).
 * An account's own keys override every column. Pure, any thread.
 */
struct provider {
	const char *name;
	bool microsoft; /* its rules apply: sender, limits, tenant */
	const char *host;
	unsigned port;
	enum upstream_tls tls;
	enum upstream_auth auth;
	enum account_grant grant; /* unless the account says another */
	bool by_sign_in_only;	  /* no application gets a token by itself */
	const char *authority;
	const char *scope; /* of an application by itself; "": none known */
	const char
		*delegated_scope;   /* of somebody who signs in, with what brings a refresh token */
	const char *sign_in_tenant; /* where a sign-in needs none of its own; "": none */
	/* Complete; "": made of authority and tenant, or none */
	const char *authorization_endpoint;
	const char *device_endpoint;
	const char *token_endpoint;
	int64_t sign_in_lifetime; /* idle time after which a refresh token ends; 0: not known */
	int64_t token_margin;	  /* its host refuses tokens that end sooner */
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

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

static void finish_token_endpoint(struct account_config *account)
{
	struct strbuf url;
	struct str authority = str_of(account->authority);
	if (account->token_endpoint[0] != '\0' || authority.n == 0)
		return;
	while (authority.n != 0 && authority.p[authority.n - 1] == '/')
		authority.n--;
	strbuf_init(&url, URL_MAX);
	strbuf_addstr(&url, authority);
	strbuf_addf(&url, "/%s/oauth2/v2.0/token", account->tenant);
	mem_replace_str(&account->token_endpoint, strbuf_cstr(&url));
	strbuf_done(&url);
}

static void finish_secret(struct account_config *account, struct diag *diag)
{
	struct err err;
	struct str ref = str_of(account->client_secret_ref);
	bool literal = false;
	if (account->auth == UPSTREAM_AUTH_NONE || ref.n == 0)
		return;
	account->credentials = mem_zalloc(sizeof(*account->credentials));
	account->credential_count = 1;
	if (str_starts(ref, STR("file:")) && !str_starts(ref, STR("file:/")))
		diag_error_at(diag, &account->client_secret_ref,
			      "client_secret of account \"%s\": write the full path: "
			      "\"file:/etc/oauthrelay/%s.secret\"",
			      account->name, account->name);
	else if (!secret_resolve(ref, &account->credentials[0].secret, &literal, &err))
		diag_error_at(diag, &account->client_secret_ref,
			      "client_secret of account \"%s\": %s", account->name, err.text);
	if (literal)
		diag_warning_at(diag, &account->client_secret_ref,
				"client_secret of account \"%s\" stands in the configuration "
				"itself; better in a file of its own: client_secret = "
				"\"file:/etc/oauthrelay/%s.secret\";",
				account->name, account->name);
}

static void finish_account(struct account_config *account, struct diag *diag)
{
	if (account->login[0] == '\0')
		mem_replace_str(&account->login, account->mailbox);
	finish_token_endpoint(account);
	finish_secret(account, diag);
}

void finish_config(struct config *config, struct diag *diag)
{
	finish_hostname(config, diag);
	finish_users_file(config);
	for (size_t i = 0; i < config->listener_count; i++)
		finish_listener(&config->listeners[i], diag);
	for (size_t i = 0; i < config->device_count; i++)
		finish_device(&config->devices[i], diag);
	for (size_t i = 0; i < config->account_count; i++)
		finish_account(&config->accounts[i], diag);
}

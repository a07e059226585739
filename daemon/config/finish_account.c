/* SPDX-License-Identifier: MIT */
#include "common/mem.h"
#include "config/finish.h"
#include "config/provider.h"

enum {
	URL_MAX = 4096,
	WHAT_MAX = 256
};

/* ---- the way out ---- */

static void follow_password(struct proxy_config *proxy, const char *whose, struct diag *diag)
{
	struct strbuf what;
	if (proxy->password_ref[0] == '\0')
		return;
	strbuf_init(&what, WHAT_MAX);
	strbuf_addf(&what, "proxy.password%s", whose);
	finish_secret(&proxy->password_ref, strbuf_cstr(&what),
		      "password = \"file:/etc/oauthrelay/proxy.secret\";", &proxy->password, diag);
	strbuf_done(&what);
}

void finish_proxy(struct config *config, struct diag *diag)
{
	follow_password(&config->proxy, "", diag);
}

/* The account's own, which may be "none", else the relay's with its password. */
static void finish_account_proxy(const struct config *config, struct account_config *account,
				 struct diag *diag)
{
	struct strbuf whose;
	struct proxy_config *proxy = &account->proxy;
	strbuf_init(&whose, WHAT_MAX);
	strbuf_addf(&whose, " of account \"%s\"", account->name);
	follow_password(proxy, strbuf_cstr(&whose), diag);
	strbuf_done(&whose);
	if (proxy->tokens[0] != '\0')
		return;
	mem_replace_str(&proxy->tokens, config->proxy.tokens);
	if (proxy->password_ref[0] == '\0') {
		mem_replace_str(&proxy->password_ref, config->proxy.password_ref);
		secret_set(&proxy->password, secret_reveal(&config->proxy.password));
	}
}

/* ---- where tokens come from ---- */

/* authority/tenant/oauth2/v2.0/last, unless the file or the provider has the whole address. */
static void finish_endpoint(const struct account_config *account, char **endpoint, const char *last,
			    const struct diag *diag)
{
	struct strbuf url;
	struct str authority = str_of(account->authority);
	bool preset = (*endpoint)[0] != '\0' && !diag_is_set(diag, &account->authority);
	if (diag_is_set(diag, endpoint) || preset || authority.n == 0)
		return;
	while (authority.n != 0 && authority.p[authority.n - 1] == '/')
		authority.n--;
	strbuf_init(&url, URL_MAX);
	strbuf_addstr(&url, authority);
	strbuf_addf(&url, "/%s/oauth2/v2.0/%s", account->tenant, last);
	mem_replace_str(endpoint, strbuf_cstr(&url));
	strbuf_done(&url);
}

/* What differs where somebody signs in. */
static void finish_sign_in(struct account_config *account, const struct diag *diag)
{
	const struct provider *provider = provider_find(str_of(account->provider));
	if (account->grant != GRANT_DELEGATED || provider == NULL)
		return;
	if (account->tenant[0] == '\0')
		mem_replace_str(&account->tenant, provider->sign_in_tenant);
	if (!diag_is_set(diag, &account->scope))
		mem_replace_str(&account->scope, provider->delegated_scope);
}

static void finish_identity(struct account_config *account)
{
	static const char *const endpoints[] = {
		[IDENTITY_AZURE_VM] = "http://169.254.169.254/metadata/identity/oauth2/token",
		[IDENTITY_AZURE_ARC] = "http://localhost:40342/metadata/identity/oauth2/token",
	};
	if (account->grant == GRANT_MANAGED_IDENTITY && account->identity_endpoint[0] == '\0')
		mem_replace_str(&account->identity_endpoint, endpoints[account->identity_host]);
}

void finish_account(const struct config *config, struct account_config *account, struct diag *diag)
{
	if (account->login[0] == '\0')
		mem_replace_str(&account->login, account->mailbox);
	finish_sign_in(account, diag);
	finish_endpoint(account, &account->token_endpoint, "token", diag);
	finish_endpoint(account, &account->authorization_endpoint, "authorize", diag);
	finish_endpoint(account, &account->device_endpoint, "devicecode", diag);
	finish_identity(account);
	finish_account_proxy(config, account, diag);
	finish_credentials(account, diag);
}

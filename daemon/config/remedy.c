/* SPDX-License-Identifier: MIT */
#include "config/remedy.h"

#include <string.h>

#include "common/attr.h"
#include "common/quote.h"
#include "config/provider.h"

enum {
	VALUE_MAX = 128
};

/* What the application must be allowed at Microsoft (microsoft365.md 4.9); the scope elsewhere. */
static const char *permission(const struct account_config *account)
{
	const struct provider *provider = provider_find(str_of(account->provider));
	if (provider == NULL || !provider->microsoft)
		return account->scope;
	if (strcmp(provider->name, "microsoft365-hve") == 0)
		return "Mail.Send";
	return account->grant == GRANT_DELEGATED ? "SMTP.Send" : "SMTP.SendAsApp";
}

/* Who logs in: the application itself, or the one who has signed in. */
static const char *rights(const struct account_config *account)
{
	if (account != NULL && account->grant == GRANT_DELEGATED)
		return "Add-MailboxPermission -Identity {mailbox} -User <who has signed in> "
		       "-AccessRights FullAccess, if that is another one (if it is the wrong one: "
		       "`oauthrelay login {account}`)";
	return "New-ServicePrincipal -AppId {client_id} -ObjectId <object id of the ENTERPRISE "
	       "application>; Add-MailboxPermission -Identity {mailbox} -User <that id> "
	       "-AccessRights FullAccess";
}

/* Where people of any tenant sign in: no command takes it for one's own. */
static bool is_nobodys_tenant(const char *tenant)
{
	static const char *const words[] = { "common", "organizations", "consumers" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(str_of(tenant), str_of(words[i])))
			return true;
	return false;
}

/* Under which API the portal has it. */
static const char *permission_api(const struct account_config *account)
{
	const char *name = permission(account);
	return name != NULL && strcmp(name, "SMTP.Send") == 0
		       ? "Microsoft Graph"
		       : "APIs my organization uses > Office 365 Exchange Online";
}

/* Length of the placeholder at text, 0 when it is none; its value, or what it means, goes to out.
 */
static size_t fill(struct strbuf *out, const char *text, const struct account_config *account)
{
	static const struct account_config nobody = { 0 };
	const struct account_config *a = account != NULL ? account : &nobody;
	const struct {
		const char *name;
		const char *value;
		const char *meaning;
	} places[] = {
		{ "{account}", a->name, "<name of the account>" },
		{ "{mailbox}", a->mailbox, "<address of the mailbox>" },
		{ "{tenant}", a->tenant, "<your tenant id>" },
		{ "{client_id}", a->client_id, "<your client id>" },
		{ "{host}", a->host, "<mail server>" },
		{ "{permission_api}", account != NULL ? permission_api(account) : NULL,
		  "Office 365 Exchange Online (Microsoft Graph where somebody signs in)" },
		{ "{permission}", account != NULL ? permission(account) : NULL,
		  "SMTP.SendAsApp (SMTP.Send where somebody signs in, Mail.Send for HVE)" },
	};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const char *value = places[i].value;
		size_t n = strlen(places[i].name);
		if (strncmp(text, places[i].name, n) != 0)
			continue;
		if (value == NULL || value[0] == '\0' ||
		    (value == a->tenant && is_nobodys_tenant(value)))
			value = places[i].meaning;
		quote_append_bare(out, str_of(value), VALUE_MAX);
		return n;
	}
	return 0;
}

static void append_filled(struct strbuf *out, struct str text, const struct account_config *account)
{
	while (text.n != 0) {
		size_t n = text.p[0] == '{' ? fill(out, text.p, account) : 0;
		if (n == 0) {
			strbuf_addc(out, text.p[0]);
			n = 1;
		}
		text = str_skip(text, n);
	}
}

void remedy_append(struct strbuf *out, const char *text, const struct account_config *account)
{
	static const char place[] = "{rights}";
	const char *at;
	while ((at = strstr(text, place)) != NULL) {
		append_filled(out, (struct str){ text, (size_t)(at - text) }, account);
		append_filled(out, str_of(rights(account)), account);
		text = at + sizeof(place) - 1;
	}
	append_filled(out, str_of(text), account);
}

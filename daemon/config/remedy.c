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
		if (value == NULL || value[0] == '\0')
			value = places[i].meaning;
		quote_append_bare(out, str_of(value), VALUE_MAX);
		return n;
	}
	return 0;
}

void remedy_append(struct strbuf *out, const char *text, const struct account_config *account)
{
	while (*text != '\0') {
		size_t n = *text == '{' ? fill(out, text, account) : 0;
		if (n == 0)
			strbuf_addc(out, *text++);
		text += n;
	}
}

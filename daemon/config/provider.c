/* SPDX-License-Identifier: MIT */
#include "config/provider.h"

#include "common/attr.h"
#include "common/mem.h"

#define MIB (UINT64_C(1) << 20)

const struct provider providers[] = {
	{
		.name = "microsoft365",
		.microsoft = true,
		.host = "smtp.office365.com",
		.port = 587,
		.tls = UPSTREAM_TLS_STARTTLS,
		.auth = UPSTREAM_AUTH_XOAUTH2,
		.authority = "https://login.microsoftonline.com",
		.scope = "https://outlook.office365.com/.default",
		.sender = SENDER_REWRITE,
		.limits = { .connections = 2,
			    .per_minute = 28,
			    .recipients = 500,
			    .message_size = 35 * MIB },
		.allowed = { .connections = 3,
			     .per_minute = 30,
			     .recipients = 1000,
			     .message_size = 150 * MIB },
		.help = "Exchange Online, SMTP AUTH client submission",
	},
	{
		/* No rate limit since 2026, so per_minute only spreads a burst. */
		.name = "microsoft365-hve",
		.microsoft = true,
		.host = "smtp.hve.mx.microsoft",
		.port = 587,
		.tls = UPSTREAM_TLS_STARTTLS,
		.auth = UPSTREAM_AUTH_XOAUTH2,
		.authority = "https://login.microsoftonline.com",
		.scope = "https://outlook.office365.com/.default",
		.sender = SENDER_REWRITE,
		.limits = { .connections = 2,
			    .per_minute = 600,
			    .recipients = 50,
			    .message_size = 10 * MIB },
		.allowed = { .connections = 3,
			     .per_minute = 0,
			     .recipients = 50,
			     .message_size = 10 * MIB },
		.help = "Microsoft 365 High Volume Email: recipients inside the organization only",
	},
	{
		.name = "smtp",
		.microsoft = false,
		.host = "",
		.port = 587,
		.tls = UPSTREAM_TLS_STARTTLS,
		.auth = UPSTREAM_AUTH_NONE,
		.authority = "",
		.scope = "",
		.sender = SENDER_KEEP,
		.limits = { .connections = 5,
			    .per_minute = 600,
			    .recipients = 100, /* what RFC 5321 4.5.3.1.8 makes every server take */
			    .message_size = 150 * MIB },
		.help = "any other SMTP server, named by host",
	},
};
const size_t provider_count = ARRAY_LEN(providers);

const struct provider *provider_find(struct str name)
{
	for (size_t i = 0; i < provider_count; i++)
		if (str_eq(name, str_of(providers[i].name)))
			return &providers[i];
	return NULL;
}

void provider_apply(const struct provider *provider, struct account_config *account)
{
	/* With a misspelt provider the account's other keys are still worth checking. */
	const struct provider *p = provider != NULL ? provider : &providers[0];
	mem_replace_str(&account->provider, p->name);
	mem_replace_str(&account->host, p->host);
	mem_replace_str(&account->authority, p->authority);
	mem_replace_str(&account->scope, p->scope);
	account->port = p->port;
	account->tls = p->tls;
	account->auth = p->auth;
	account->sender = p->sender;
	account->limits = p->limits;
}

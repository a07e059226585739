/* SPDX-License-Identifier: MIT */
#include "config/provider.h"

#include "common/attr.h"
#include "common/mem.h"

#define MIB    (UINT64_C(1) << 20)
#define MINUTE INT64_C(60000)
#define DAY    INT64_C(86400000)

/* Exchange Online's mailboxes are the same in every cloud. */
#define MAILBOX_LIMITS                                                                            \
	.limits = { .connections = 2,                                                             \
		    .per_minute = 28,                                                             \
		    .recipients = 500,                                                            \
		    .message_size = 35 * MIB },                                                   \
	.allowed = {                                                                              \
		.connections = 3, .per_minute = 30, .recipients = 1000, .message_size = 150 * MIB \
	}

/* What all of Microsoft's have in common. */
#define MICROSOFT                                                                              \
	.microsoft = true, .port = 587, .tls = UPSTREAM_TLS_STARTTLS,                          \
	.auth = UPSTREAM_AUTH_XOAUTH2, .sender = SENDER_REWRITE, .sign_in_lifetime = 90 * DAY, \
	.authorization_endpoint = "", .device_endpoint = "", .token_endpoint = ""

/* 100 is what RFC 5321 4.5.3.1.8 makes every server take. */
#define OTHERS_LIMITS                                                                             \
	{                                                                                         \
		.connections = 5, .per_minute = 600, .recipients = 100, .message_size = 150 * MIB \
	}

const struct provider providers[] = {
	{
		MICROSOFT,
		MAILBOX_LIMITS,
		.name = "microsoft365",
		.host = "smtp.office365.com",
		.authority = "https://login.microsoftonline.com",
		.scope = "https://outlook.office365.com/.default",
		.delegated_scope = "https://outlook.office.com/SMTP.Send offline_access",
		.sign_in_tenant = "organizations",
		.help = "Exchange Online, SMTP AUTH client submission; also GCC",
	},
	{
		/* No rate limit since 2026, so per_minute only spreads a burst. */
		MICROSOFT,
		.limits = { .connections = 2,
			    .per_minute = 600,
			    .recipients = 50,
			    .message_size = 10 * MIB },
		.allowed = { .connections = 3,
			     .per_minute = 0,
			     .recipients = 50,
			     .message_size = 10 * MIB },
		.name = "microsoft365-hve",
		.host = "smtp.hve.mx.microsoft",
		.authority = "https://login.microsoftonline.com",
		.scope = "https://outlook.office365.com/.default",
		.delegated_scope = "https://outlook.office365.com/.default offline_access",
		.sign_in_tenant = "organizations",
		.token_margin = 10 * MINUTE,
		.help = "Microsoft 365 High Volume Email: recipients inside the organization only",
	},
	{
		MICROSOFT,
		MAILBOX_LIMITS,
		.name = "microsoft365-gcch",
		.host = "smtp.office365.us",
		.authority = "https://login.microsoftonline.us",
		.scope = "https://outlook.office365.us/.default",
		.delegated_scope = "https://outlook.office365.us/SMTP.Send offline_access",
		.sign_in_tenant = "organizations",
		.help = "Exchange Online of GCC High",
	},
	{
		MICROSOFT,
		MAILBOX_LIMITS,
		.name = "microsoft365-dod",
		.host = "outlook-dod.office365.us",
		.authority = "https://login.microsoftonline.us",
		.scope = "https://outlook.office365.us/.default",
		.delegated_scope = "https://outlook.office365.us/SMTP.Send offline_access",
		.sign_in_tenant = "organizations",
		.help = "Exchange Online of the DoD cloud",
	},
	{
		MICROSOFT,
		MAILBOX_LIMITS,
		.name = "microsoft365-china",
		.host = "smtp.partner.outlook.cn",
		.authority = "https://login.partner.microsoftonline.cn",
		.scope = "https://partner.outlook.cn/.default",
		.delegated_scope = "https://partner.outlook.cn/SMTP.Send offline_access",
		.sign_in_tenant = "organizations",
		.help = "Exchange Online run by 21Vianet",
	},
	{
		MICROSOFT,
		/* Nothing is published: as careful as with a business mailbox. */
		.limits = { .connections = 2,
			    .per_minute = 28,
			    .recipients = 100,
			    .message_size = 35 * MIB },
		.name = "outlook",
		.host = "smtp-mail.outlook.com",
		.authority = "https://login.microsoftonline.com",
		.scope = "",
		.delegated_scope = "https://outlook.office.com/SMTP.Send offline_access",
		.sign_in_tenant = "consumers",
		.grant = GRANT_DELEGATED,
		.by_sign_in_only = true,
		.help = "a personal mailbox at Outlook.com, Hotmail or Live",
	},
	{
		.name = "gmail",
		.host = "smtp.gmail.com",
		.port = 587,
		.tls = UPSTREAM_TLS_STARTTLS,
		.auth = UPSTREAM_AUTH_XOAUTH2,
		.grant = GRANT_DELEGATED,
		.by_sign_in_only = true,
		.authority = "",
		.scope = "",
		.delegated_scope = "https://mail.google.com/",
		.sign_in_tenant = "",
		/* Without these two a Web application gets no refresh token, or only once. */
		.authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth"
					  "?access_type=offline&prompt=consent%20select_account",
		.device_endpoint = "", /* not for this scope */
		.token_endpoint = "https://oauth2.googleapis.com/token",
		.sender = SENDER_REWRITE,
		.limits = { .connections = 5,
			    .per_minute = 600,
			    .recipients = 100,
			    .message_size = 35882577 }, /* its SIZE */
		.help = "Gmail and Google Workspace",
	},
	{
		.name = "smtp",
		.host = "",
		.port = 587,
		.tls = UPSTREAM_TLS_STARTTLS,
		.auth = UPSTREAM_AUTH_NONE,
		.authority = "",
		.scope = "",
		.delegated_scope = "",
		.sign_in_tenant = "",
		.authorization_endpoint = "",
		.device_endpoint = "",
		.token_endpoint = "",
		.sender = SENDER_KEEP,
		.limits = OTHERS_LIMITS,
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
	mem_replace_str(&account->authorization_endpoint, p->authorization_endpoint);
	mem_replace_str(&account->device_endpoint, p->device_endpoint);
	mem_replace_str(&account->token_endpoint, p->token_endpoint);
	account->grant = p->grant;
	account->sign_in_lifetime = p->sign_in_lifetime;
	account->token_margin = p->token_margin;
	account->port = p->port;
	account->tls = p->tls;
	account->auth = p->auth;
	account->sender = p->sender;
	account->limits = p->limits;
}

/* SPDX-License-Identifier: MIT */
#include "queue/reply_rules.h"

#include "common/attr.h"

enum {
	CONNECT = 1u << STAGE_CONNECT,
	AUTH = 1u << STAGE_AUTH,
	MAIL = 1u << STAGE_MAIL,
	RCPT = 1u << STAGE_RCPT,
	DATA = 1u << STAGE_DATA,
	IDLE = 1u << STAGE_IDLE,
	ANY = 0,
};

#define REMEDY_SEND_AS                                                                            \
	"allow it: Add-RecipientPermission <sender> -Trustee {mailbox} -AccessRights SendAs; or " \
	"leave the address out of send_as, so that it is rewritten to {mailbox}"

/* What follows a token that is refused when the next one is refused as well. */
#define REMEDY_RIGHTS                                                                             \
	"Exchange does not let this token send as {mailbox}. Check in this order, in PowerShell " \
	"after Connect-ExchangeOnline -Organization {tenant}: Set-CASMailbox {mailbox} "          \
	"-SmtpClientAuthenticationDisabled $false; {rights}; then in Entra: permission "          \
	"{permission} with admin consent. New rights take up to some hours"
#define REMEDY_MARGIN                                                                             \
	"the server wants tokens that live longer than those it is shown: raise token_margin of " \
	"account {account}, and see that no token lifetime policy in Entra shortens them"
#define REMEDY_CLOCK "the server calls the token expired: check this machine's clock (timedatectl)"
#define REMEDY_LOGIN                                                                            \
	"the server does not let this login in: check mailbox, login and host of account "      \
	"{account}, that the mailbox may log in by SMTP, and that the application, or who has " \
	"signed in, may use it"

/* clang-format off */
/* First match wins: rows with a text, rows with an enhanced code, rows with a code, then defaults. */
static const struct reply_rule rules[] = {
	/* stages     code  enhanced       text                                       verdict            scope            locked remedy */
	{AUTH | MAIL, 0,   {0, 0, 0},     "SmtpClientAuthentication is disabled for the Tenant", VERDICT_HOLD, SCOPE_ACCOUNT, false,
	 "SMTP AUTH is off for the tenant: Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $false (this mailbox only), or Set-TransportConfig -SmtpClientAuthenticationDisabled $false"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "SmtpClientAuthentication is disabled for the Mailbox", VERDICT_HOLD, SCOPE_ACCOUNT, false,
	 "SMTP AUTH is off for the mailbox: Set-CASMailbox {mailbox} -SmtpClientAuthenticationDisabled $false"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "account locked",                           VERDICT_HOLD,      SCOPE_ACCOUNT,   true,
	 "the account {mailbox} is locked for a while after failed logins: stop other programs that log in with it, then wait"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "did not meet the criteria",                VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "a Conditional Access policy refuses the login: Entra > Monitoring > Sign-in logs > Conditional Access tab shows which; exclude this application or {mailbox}"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "security defaults policy",                 VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "security defaults refuse a login with a password: use OAuth2 (tenant, client_id, client_secret)"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "basic authentication is disabled",         VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "logins with a password are off: use OAuth2 (tenant, client_id, client_secret)"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "organization configuration doesn't allow", VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the tenant's authentication policy refuses {mailbox}: assign it a policy that allows it"},
	{AUTH | MAIL, 0,   {0, 0, 0},     "federated STS service was unreachable",    VERDICT_RETRY,     SCOPE_ACCOUNT,   false, NULL},
	{AUTH | MAIL, 0,   {0, 0, 0},     "user credentials were incorrect",          VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_LOGIN},
	{AUTH,        0,   {0, 0, 0},     "Token will expire soon",                   VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_MARGIN},
	{ANY,         0,   {0, 0, 0},     "Concurrent connections limit exceeded",    VERDICT_THROTTLE,  SCOPE_ACCOUNT,   false,
	 "too many connections at once use {mailbox}: lower limits.connections, or stop other programs that send through it"},
	{ANY,         0,   {0, 0, 0},     "sender thread limit exceeded",             VERDICT_THROTTLE,  SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {0, 0, 0},     "maximum number of concurrent connections", VERDICT_THROTTLE,  SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {0, 0, 0},     "submission rate for this client",          VERDICT_THROTTLE,  SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {0, 0, 0},     "SubmissionQuotaExceeded",                  VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {0, 0, 0},     "submission quota",                         VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{MAIL | DATA, 0,   {0, 0, 0},     "mailbox logon failure",                    VERDICT_RETRY,     SCOPE_MESSAGE,   false,
	 "the application may not use the mailbox: Add-MailboxPermission -Identity {mailbox} -User <object id of the enterprise application> -AccessRights FullAccess"},
	{DATA,        0,   {0, 0, 0},     "SendAsDenied",                             VERDICT_SENDER,    SCOPE_SENDER,    false, REMEDY_SEND_AS},
	{DATA,        0,   {0, 0, 0},     "mailbox full",                             VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the mailbox {mailbox} is full, mostly of its own Sent Items: empty it, or set a retention policy"},
	{DATA,        0,   {0, 0, 0},     "QuotaExceededException",                   VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the mailbox {mailbox} is full, mostly of its own Sent Items: empty it, or set a retention policy"},
	{ANY,         0,   {0, 0, 0},     "Timeout waiting for client input",         VERDICT_RECONNECT, SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {0, 0, 0},     "Must issue a STARTTLS",                    VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the server wants TLS: set tls = \"starttls\" for account {account}"},

	{AUTH,        0,   {5, 7, 3},     NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_RIGHTS},
	{AUTH,        0,   {5, 7, 127},   NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_RIGHTS},
	{AUTH,        0,   {5, 5, 127},   NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_MARGIN},
	{AUTH,        0,   {5, 5, 128},   NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_CLOCK},
	{AUTH,        0,   {5, 7, 142},   NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_MARGIN},
	{AUTH,        0,   {5, 7, 143},   NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_CLOCK},
	{AUTH,        0,   {5, 5, 129},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the token lacks the permission for High Volume Email: add Mail.Send of Office 365 Exchange Online to the app and grant admin consent"},
	{AUTH,        0,   {5, 7, 144},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the token lacks the permission for High Volume Email: add Mail.Send of Office 365 Exchange Online to the app and grant admin consent"},
	{ANY,         0,   {5, 7, 240},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the app is not admitted to this HVE account: Add-HVEAppAccess -Identity {mailbox} -AppIds <object id of the enterprise application>"},
	{ANY,         0,   {5, 7, 30},    NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "logins with a password have ended: use OAuth2 (tenant, client_id, client_secret)"},
	{ANY,         0,   {5, 7, 57},    NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_LOGIN},
	{CONNECT,     0,   {4, 7, 66},    NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "the server saw TLS 1.0 or 1.1, which this program never offers: something between here and Microsoft changes the connection"},
	{MAIL | DATA, 0,   {5, 7, 60},    NULL,                                       VERDICT_SENDER,    SCOPE_SENDER,    false, REMEDY_SEND_AS},
	{MAIL | DATA, 0,   {5, 2, 252},   NULL,                                       VERDICT_SENDER,    SCOPE_SENDER,    false, REMEDY_SEND_AS},
	{MAIL | DATA, 0,   {5, 7, 62},    NULL,                                       VERDICT_SENDER,    SCOPE_SENDER,    false, REMEDY_SEND_AS},
	{DATA,        0,   {5, 6, 241},   NULL,                                       VERDICT_SENDER,    SCOPE_SENDER,    false, REMEDY_SEND_AS},
	{ANY,         0,   {5, 3, 4},     NULL,                                       VERDICT_FAIL,      SCOPE_MESSAGE,   false, NULL},
	{MAIL,        0,   {5, 1, 7},     NULL,                                       VERDICT_FAIL,      SCOPE_MESSAGE,   false, NULL},
	{ANY,         0,   {5, 1, 90},    NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {5, 1, 92},    NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {5, 7, 232},   NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {5, 7, 233},   NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {5, 7, 236},   NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false,
	 "mail from an onmicrosoft.com address is limited to 100 external recipients a day: send from a domain of your own"},
	{ANY,         0,   {5, 1, 8},     NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false,
	 "{mailbox} is blocked for outbound spam: Microsoft Defender > Review > Restricted entities > Unblock, and find out why"},
	{ANY,         0,   {5, 7, 501},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "ask Microsoft support: the tenant is refused as a spam source"},
	{ANY,         0,   {5, 7, 502},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "ask Microsoft support: the tenant is refused as a spam source"},
	{ANY,         0,   {5, 7, 503},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "ask Microsoft support: the tenant is refused as a spam source"},
	{ANY,         0,   {5, 7, 705},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "ask Microsoft support: the tenant has exceeded its threshold"},
	{ANY,         0,   {5, 7, 708},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "ask Microsoft support: traffic from this IP address is not accepted"},
	{ANY,         0,   {5, 7, 750},   NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "register the sender's domain in the tenant"},
	{RCPT,        0,   {5, 7, 64},    NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "this is not the submission server: set host = \"smtp.office365.com\" for account {account}"},
	{RCPT,        0,   {5, 7, 54},    NULL,                                       VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "this is not the submission server: set host = \"smtp.office365.com\" for account {account}"},
	{RCPT,        0,   {4, 5, 3},     NULL,                                       VERDICT_SPLIT,     SCOPE_RECIPIENT, false, NULL},
	{RCPT,        0,   {5, 5, 3},     NULL,                                       VERDICT_SPLIT,     SCOPE_RECIPIENT, false, NULL},
	{ANY,         0,   {4, 4, 1},     NULL,                                       VERDICT_RECONNECT, SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {4, 4, 2},     NULL,                                       VERDICT_RECONNECT, SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {4, 7, 500},   NULL,                                       VERDICT_SLOW,      SCOPE_ACCOUNT,   false, NULL},
	{ANY,         0,   {5, 5, 4},     "domain name",                              VERDICT_HOLD,      SCOPE_ACCOUNT,   false, "the server does not like our name: set hostname to a full name such as relay.contoso.com"},

	{ANY,         432, {0, 0, 0},     NULL,                                       VERDICT_THROTTLE,  SCOPE_ACCOUNT,   false, NULL},
	{MAIL | IDLE, 421, {0, 0, 0},     NULL,                                       VERDICT_RECONNECT, SCOPE_MESSAGE,   false, NULL},
	{RCPT,        452, {0, 0, 0},     NULL,                                       VERDICT_SPLIT,     SCOPE_RECIPIENT, false, NULL},
	/* A server that has lost the thread speaks of the protocol, not of the message. */
	{DATA,        500, {0, 0, 0},     NULL,                                       VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
	{DATA,        502, {0, 0, 0},     NULL,                                       VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
	{DATA,        503, {0, 0, 0},     NULL,                                       VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
	{DATA,        504, {0, 0, 0},     NULL,                                       VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
	{AUTH,        535, {0, 0, 0},     NULL,                                       VERDICT_REFRESH,   SCOPE_ACCOUNT,   false, REMEDY_LOGIN},

	{MAIL | IDLE, REPLY_LOCAL_LOST, {0, 0, 0}, NULL,                              VERDICT_RECONNECT, SCOPE_MESSAGE,   false, NULL},
	{RCPT | DATA, REPLY_LOCAL_LOST, {0, 0, 0}, NULL,                              VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
	{ANY,         REPLY_LOCAL_NO_XOAUTH2, {0, 0, 0}, NULL,                        VERDICT_RETRY,     SCOPE_ACCOUNT,   false,
	 "the server offers no OAuth2 login: check host of account {account}; nothing between here and Microsoft may change the connection"},
	{ANY,         REPLY_LOCAL_EXTENSION, {0, 0, 0}, NULL,                         VERDICT_FAIL,      SCOPE_MESSAGE,   false, NULL},
	{ANY,         REPLY_LOCAL_MESSAGE, {0, 0, 0}, NULL,                           VERDICT_RETRY,     SCOPE_MESSAGE,   false, NULL},
};

/* By class of code and stage, when no row above knows better (microsoft365.md section 6, match
 * order 4). An account that cannot be reached or logged in to costs no message an attempt. */
static const struct default_row {
	unsigned reply_class;
	unsigned stages;
	struct reply_rule rule;
} defaults[] = {
	{2, ANY,            {.verdict = VERDICT_DELIVERED, .scope = SCOPE_MESSAGE}},
	{4, CONNECT | AUTH, {.verdict = VERDICT_RETRY, .scope = SCOPE_ACCOUNT}},
	{9, CONNECT | AUTH, {.verdict = VERDICT_RETRY, .scope = SCOPE_ACCOUNT}},
	{5, CONNECT,        {.verdict = VERDICT_RETRY, .scope = SCOPE_ACCOUNT}},
	{5, AUTH,           {.verdict = VERDICT_HOLD, .scope = SCOPE_ACCOUNT, .remedy = REMEDY_LOGIN}},
	{5, MAIL,           {.verdict = VERDICT_SENDER, .scope = SCOPE_SENDER}},
	{5, RCPT,           {.verdict = VERDICT_FAIL, .scope = SCOPE_RECIPIENT}},
	{5, DATA,           {.verdict = VERDICT_FAIL, .scope = SCOPE_MESSAGE}},
	{4, RCPT,           {.verdict = VERDICT_RETRY, .scope = SCOPE_RECIPIENT}},
};
/* clang-format on */

static const struct reply_rule retry_message = { .verdict = VERDICT_RETRY, .scope = SCOPE_MESSAGE };

static bool enhanced_any(const unsigned e[3])
{
	return e[0] == 0 && e[1] == 0 && e[2] == 0;
}

static bool matches(const struct reply_rule *rule, enum upstream_stage stage,
		    const struct reply *reply)
{
	if (rule->stages != ANY && (rule->stages & (1u << stage)) == 0)
		return false;
	if (rule->code != 0 && rule->code != reply->code)
		return false;
	if (!enhanced_any(rule->enhanced) &&
	    !reply_enhanced_is(reply, rule->enhanced[0], rule->enhanced[1], rule->enhanced[2]))
		return false;
	return rule->needle == NULL ||
	       str_icontains(str_of(reply->text), str_of(rule->needle)) >= 0;
}

const struct reply_rule *reply_rule_for(enum upstream_stage stage, const struct reply *reply)
{
	unsigned class = reply_class(reply);
	if (class != 2)
		for (size_t i = 0; i < ARRAY_LEN(rules); i++)
			if (matches(&rules[i], stage, reply))
				return &rules[i];
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		if (defaults[i].reply_class == class &&
		    (defaults[i].stages == ANY || (defaults[i].stages & (1u << stage)) != 0))
			return &defaults[i].rule;
	return &retry_message;
}

const struct reply_rule *reply_rules(size_t *count)
{
	*count = ARRAY_LEN(rules);
	return rules;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {
		[VERDICT_DELIVERED] = "delivered", [VERDICT_RETRY] = "retry",
		[VERDICT_RECONNECT] = "reconnect", [VERDICT_THROTTLE] = "throttle",
		[VERDICT_SLOW] = "slow",	   [VERDICT_REFRESH] = "refresh",
		[VERDICT_HOLD] = "hold",	   [VERDICT_SENDER] = "sender",
		[VERDICT_SPLIT] = "split",	   [VERDICT_FAIL] = "fail",
	};
	return names[verdict];
}

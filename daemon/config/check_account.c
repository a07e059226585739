/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/units.h"
#include "config/check.h"
#include "config/nearest.h"
#include "config/provider.h"
#include "config/syntax.h"

static void check_name(const struct account_config *a, struct diag *d)
{
	if (a->name[0] != '\0' && !syntax_is_name(str_of(a->name)))
		diag_error_at(d, &a->name,
			      "account name \"%s\" may hold only letters, digits and . _ -, "
			      "beginning with a letter or digit",
			      a->name);
}

/* The preset's name stands in the struct even where the file has none, or a wrong one. */
static void check_provider(const struct account_config *a, struct diag *d)
{
	struct nearest near;
	struct strbuf names;
	if (provider_find(str_of(a->provider)) != NULL)
		return;
	strbuf_init(&names, 1024);
	nearest_begin(&near, str_of(a->provider));
	for (size_t i = 0; i < provider_count; i++)
		nearest_offer(&near, providers[i].name);
	for (size_t i = 0; i < provider_count; i++)
		strbuf_addf(&names, "%s%s",
			    i == 0		      ? ""
			    : i + 1 == provider_count ? " and "
						      : ", ",
			    providers[i].name);
	diag_error_at(d, &a->provider,
		      "account \"%s\": provider \"%s\" is not known%s%s%s; there are "
		      "%s",
		      a->name, a->provider, near.best != NULL ? " (did you mean \"" : "",
		      near.best != NULL ? near.best : "", near.best != NULL ? "\"?)" : "",
		      strbuf_cstr(&names));
	strbuf_done(&names);
}

static void check_mailbox(const struct account_config *a, bool microsoft, struct diag *d)
{
	const char *why = NULL;
	if (microsoft)
		why = "mail is sent from it";
	else if (a->sender == SENDER_REWRITE)
		why = "sender = \"rewrite\" makes it the sender";
	else if (a->auth == UPSTREAM_AUTH_XOAUTH2 && a->login[0] == '\0')
		why = "xoauth2 logs in as it";
	if (a->mailbox[0] == '\0' && why != NULL)
		diag_error_at(d, a, "account \"%s\" needs a mailbox: %s", a->name, why);
	if (a->mailbox[0] != '\0' && !syntax_is_address(str_of(a->mailbox)))
		diag_error_at(d, &a->mailbox,
			      "account \"%s\": mailbox \"%s\" is not a mail address", a->name,
			      a->mailbox);
	if (diag_is_set(d, &a->login) && !syntax_is_address(str_of(a->login)))
		diag_error_at(d, &a->login, "account \"%s\": login \"%s\" is not a mail address",
			      a->name, a->login);
	for (size_t i = 0; i < a->send_as.n; i++)
		if (!syntax_is_pattern(str_of(a->send_as.v[i])))
			diag_error_at(d, &a->send_as.v[i],
				      "account \"%s\": send_as \"%s\" must be an address (a@b.c), "
				      "a domain (b.c) or all below one (*.b.c)",
				      a->name, a->send_as.v[i]);
}

/* HVE's name as seed 002 of this project, and half the web, has it. */
static bool is_misprint(struct str host)
{
	return str_ieq(host, STR("smtp-have.office365.com"));
}

static void check_host(const struct account_config *a, struct diag *d)
{
	struct netaddr addr;
	struct str host = str_of(a->host);
	bool literal = netaddr_parse(host, &addr);
	if (host.n == 0)
		diag_error_at(d, a,
			      "account \"%s\" needs a host: provider smtp has none of its own",
			      a->name);
	else if (is_misprint(host))
		diag_error_at(d, &a->host,
			      "account \"%s\": %s does not exist, a widespread misprint; the "
			      "server is smtp.hve.mx.microsoft (once smtp-hve.office365.com), and "
			      "provider = \"microsoft365-hve\" knows it",
			      a->name, a->host);
	else if (!literal && str_chr(host, ':') >= 0)
		diag_error_at(d, &a->host,
			      "account \"%s\": host \"%s\" holds a colon; the port is a key of its "
			      "own: port = %llu;",
			      a->name, a->host, (unsigned long long)a->port);
	else if (!literal && !syntax_is_host(host))
		diag_error_at(d, &a->host,
			      "account \"%s\": host \"%s\" is neither a name nor an "
			      "address",
			      a->name, a->host);
	if (a->port == 465)
		diag_warning_at(d, &a->port,
				"account \"%s\": port 465 wants TLS from the first byte, which "
				"the relay does not speak; use 587",
				a->name);
}

/* Mail may go without encryption only where no stranger can read it, and a token never. */
static void check_clear_text(const struct account_config *a, struct diag *d)
{
	struct netaddr addr;
	if (a->tls != UPSTREAM_TLS_NONE)
		return;
	if (a->auth != UPSTREAM_AUTH_NONE)
		diag_error_at(d, &a->tls,
			      "account \"%s\": tls = \"none\" would send its token in clear text; "
			      "it is for servers with auth = \"none\" only",
			      a->name);
	if (netaddr_parse(str_of(a->host), &addr)) {
		if (!syntax_is_private(&addr))
			diag_error_at(
				d, &a->tls,
				"account \"%s\": tls = \"none\" is for private addresses, and "
				"%s is on the internet",
				a->name, a->host);
	} else if (a->host[0] != '\0' && !str_ieq(str_of(a->host), STR("localhost"))) {
		diag_warning_at(d, &a->tls,
				"account \"%s\": tls = \"none\" sends its mail readable for all on "
				"the way; sure that %s is in your own network?",
				a->name, a->host);
	}
}

static void warn_limit(const struct account_config *a, const char *name, const uint64_t *value,
		       uint64_t allowed, bool is_size, struct diag *d)
{
	struct strbuf text;
	if (allowed == 0 || *value <= allowed)
		return;
	strbuf_init(&text, 64);
	if (is_size)
		units_append_size(&text, allowed);
	else
		strbuf_addf(&text, "%llu", (unsigned long long)allowed);
	diag_warning_at(d, value, "account \"%s\": limits.%s is above what Microsoft allows (%s)",
			a->name, name, strbuf_cstr(&text));
	strbuf_done(&text);
}

static void check_limits(const struct account_config *a, const struct provider *p, struct diag *d)
{
	const struct account_limits *l = &a->limits;
	warn_limit(a, "connections", &l->connections, p->allowed.connections, false, d);
	warn_limit(a, "per_minute", &l->per_minute, p->allowed.per_minute, false, d);
	warn_limit(a, "recipients", &l->recipients, p->allowed.recipients, false, d);
	warn_limit(a, "message_size", &l->message_size, p->allowed.message_size, true, d);
}

void check_account(const struct account_config *account, struct diag *diag)
{
	const struct provider *provider = provider_find(str_of(account->provider));
	bool microsoft = provider != NULL && provider->microsoft;
	check_name(account, diag);
	check_provider(account, diag);
	check_mailbox(account, microsoft, diag);
	check_host(account, diag);
	check_clear_text(account, diag);
	check_grant(account, provider, diag);
	struct strbuf whose;
	strbuf_init(&whose, 128);
	strbuf_addf(&whose, "proxy of account \"%s\"", account->name);
	check_proxy(&account->proxy, strbuf_cstr(&whose), diag);
	strbuf_done(&whose);
	if (provider != NULL)
		check_limits(account, provider, diag);
	if (account->ca_file[0] != '\0')
		check_readable(account->ca_file, &account->ca_file, "ca_file", diag);
	if (microsoft && account->auth == UPSTREAM_AUTH_NONE)
		diag_warning_at(diag, &account->auth,
				"account \"%s\": Microsoft takes no mail without a login, and auth "
				"is \"none\"",
				account->name);
}

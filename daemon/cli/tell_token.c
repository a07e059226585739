/* SPDX-License-Identifier: MIT */
#include "cli/tell_token.h"

#include <string.h>

#include "cli/client.h"
#include "cli/tell_account.h"
#include "common/quote.h"
#include "common/units.h"

enum {
	TEXT_MAX = 2048
};

#define RED   "\x1b[31m"
#define PLAIN "\x1b[0m"

static void append(struct strbuf *out, const cJSON *object, const char *name)
{
	quote_append_visible(out, str_of(client_str(object, name)), TEXT_MAX);
}

void tell_problem(struct cli *cli, size_t *problems)
{
	strbuf_adds(&cli->out, (*problems)++ == 0 ? "" : "\n");
	strbuf_adds(&cli->out, cli->colour ? RED "! " PLAIN : "! ");
}

static void begin(struct cli *cli, const cJSON *account, size_t *problems)
{
	tell_problem(cli, problems);
	strbuf_adds(&cli->out, "Account ");
	append(&cli->out, account, "name");
}

/* What ends within 30 days, or has ended, comes with a remedy. what: NULL, the object's label. */
static void tell_ending(struct cli *cli, const cJSON *account, const cJSON *object,
			const char *what, size_t *problems)
{
	if (client_str(object, "remedy")[0] == '\0')
		return;
	begin(cli, account, problems);
	strbuf_adds(&cli->out, ": ");
	if (what != NULL)
		strbuf_adds(&cli->out, what);
	else
		append(&cli->out, object, "label");
	strbuf_addc(&cli->out, ' ');
	tell_end(&cli->out, object);
	strbuf_adds(&cli->out, ".\n  To do: ");
	append(&cli->out, object, "remedy");
	strbuf_addc(&cli->out, '\n');
}

/* Another one serves meanwhile, or the account's own problem says more. */
static void tell_refused_one(struct cli *cli, const cJSON *account, const cJSON *credential,
			     size_t *problems)
{
	bool certificate = strcmp(client_str(credential, "kind"), "certificate") == 0;
	const char *serving = client_str(account, "serving");
	if (!client_is_true(credential, "refused") ||
	    strcmp(client_str(account, "state"), "open") != 0)
		return;
	begin(cli, account, problems);
	strbuf_adds(&cli->out, ": ");
	append(&cli->out, credential, "label");
	strbuf_adds(&cli->out, " was refused when it was tried last");
	if (serving[0] != '\0') {
		strbuf_adds(&cli->out, "; in its place there is ");
		append(&cli->out, account, "serving");
	}
	strbuf_addf(&cli->out, ".\n  To do: oauthrelay account %s ",
		    certificate ? "certificate" : "secret");
	append(&cli->out, account, "name");
	strbuf_addc(&cli->out, '\n');
}

void tell_token_problems(struct cli *cli, const cJSON *account, size_t *problems)
{
	const cJSON *sign_in = client_get_member(account, "sign_in");
	const cJSON *credential;
	if (cJSON_IsObject(sign_in) && !client_is_true(sign_in, "signed_in") &&
	    strstr(client_str(account, "remedy"), "oauthrelay login") == NULL) {
		begin(cli, account, problems);
		strbuf_adds(&cli->out, ": sign in needed.\n  To do: oauthrelay login ");
		append(&cli->out, account, "name");
		strbuf_addc(&cli->out, '\n');
	}
	tell_ending(cli, account, sign_in, "the sign-in", problems);
	for (credential = client_first(account, "credentials"); credential != NULL;
	     credential = credential->next) {
		tell_refused_one(cli, account, credential, problems);
		tell_ending(cli, account, credential, NULL, problems);
	}
}

void tell_clock_problem(struct cli *cli, const cJSON *accounts, size_t *problems)
{
	const cJSON *account;
	for (account = accounts; account != NULL; account = account->next) {
		const cJSON *skew =
			client_get_member(client_get_member(account, "token"), "clock_skew_s");
		double seconds = cJSON_IsNumber(skew) ? skew->valuedouble : 0;
		if (seconds == 0)
			continue;
		tell_problem(cli, problems);
		strbuf_adds(&cli->out, "This machine's clock is ");
		units_append_age(&cli->out, (int64_t)(seconds < 0 ? -seconds : seconds) * 1000);
		strbuf_addf(&cli->out,
			    " %s, as seen from the token endpoint.\n"
			    "  To do: timedatectl set-ntp true\n",
			    seconds < 0 ? "behind" : "ahead");
		return;
	}
}

void tell_token_notes(struct table *table, const cJSON *account)
{
	const cJSON *sign_in = client_get_member(account, "sign_in");
	const cJSON *first = client_first(account, "credentials");
	struct strbuf note;
	strbuf_init(&note, TEXT_MAX);
	if (client_is_true(sign_in, "signed_in")) {
		strbuf_adds(&note, "signed in");
		if (client_str(sign_in, "since")[0] != '\0')
			strbuf_addf(&note, " since %.10s", client_str(sign_in, "since"));
		table_note(table, strbuf_cstr(&note));
		strbuf_reset(&note);
	}
	if (first != NULL && first->next != NULL && client_str(account, "serving")[0] != '\0') {
		strbuf_addf(&note, "token by: %s", client_str(account, "serving"));
		table_note(table, strbuf_cstr(&note));
	}
	strbuf_done(&note);
}

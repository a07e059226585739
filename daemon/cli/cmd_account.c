/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "cli/ask_password.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/tell_account.h"
#include "common/json.h"
#include "common/quote.h"
#include "common/units.h"

enum {
	TEXT_MAX = 2048,
};

/* ---- list */

static const struct table_column columns[] = {
	{ .title = "ACCOUNT", .flexible = true },
	{ .title = "PROVIDER" },
	{ .title = "GRANT" },
	{ .title = "STATE" },
	{ .title = "TOKEN" },
	{ .title = "SHOWS", .flexible = true },
};

/* "valid, 42m", "held", "-" */
static void append_token(struct strbuf *out, const cJSON *token)
{
	const char *state = client_str(token, "state");
	strbuf_adds(out, state[0] != '\0' ? state : "-");
	if (client_int(token, "good_for_s") <= 0)
		return;
	strbuf_adds(out, ", ");
	table_short_age(out, client_int(token, "good_for_s"));
}

/* "secret added 2026-11-22: serves; ends 2027-05-01 (in 160 days)" */
static void append_credential(struct strbuf *out, const cJSON *credential)
{
	const char *const words[][2] = {
		{ "serving", "in use" },
		{ "refused", "REFUSED the last time" },
		{ "pending", "waits until it is accepted" },
	};
	const char *separator = ": ";
	quote_append_bare(out, str_of(client_str(credential, "label")), TEXT_MAX);
	/* What has got the token of this hour may be refused by now. */
	size_t first = client_is_true(credential, "refused");
	for (size_t i = first; i < ARRAY_LEN(words); i++) {
		if (!client_is_true(credential, words[i][0]))
			continue;
		strbuf_addf(out, "%s%s", separator, words[i][1]);
		separator = "; ";
	}
	if (client_str(credential, "ends")[0] == '\0')
		return;
	strbuf_adds(out, separator);
	tell_end(out, credential);
}

static void append_sign_in(struct strbuf *out, const cJSON *sign_in)
{
	strbuf_adds(out, "signed in");
	if (client_str(sign_in, "since")[0] != '\0')
		strbuf_addf(out, " since %.10s", client_str(sign_in, "since"));
	if (client_str(sign_in, "ends")[0] == '\0')
		return;
	strbuf_adds(out, "; if it is not used it ");
	tell_end(out, sign_in);
}

static void add_note(struct table *t, void (*append)(struct strbuf *, const cJSON *),
		     const cJSON *object)
{
	struct strbuf note;
	strbuf_init(&note, TEXT_MAX);
	append(&note, object);
	table_note(t, strbuf_cstr(&note));
	if (client_str(object, "remedy")[0] != '\0') {
		strbuf_reset(&note);
		strbuf_addf(&note, "To do: %s", client_str(object, "remedy"));
		table_note(t, strbuf_cstr(&note));
	}
	strbuf_done(&note);
}

static void add_sign_in_needed(struct table *t, const cJSON *account)
{
	struct strbuf note;
	strbuf_init(&note, TEXT_MAX);
	strbuf_addf(&note, "nobody is signed in: oauthrelay login %s", client_str(account, "name"));
	table_note(t, strbuf_cstr(&note));
	strbuf_done(&note);
}

static void add_account(struct table *t, const cJSON *account)
{
	struct strbuf token;
	const char *grant = client_str(account, "grant");
	const char *serving = client_str(account, "serving");
	const cJSON *sign_in = client_get_member(account, "sign_in");
	const cJSON *credential;
	strbuf_init(&token, 64);
	append_token(&token, client_get_member(account, "token"));
	const char *row[] = { client_str(account, "name"),
			      client_str(account, "provider"),
			      grant[0] != '\0' ? grant : "-",
			      client_str(account, "state"),
			      strbuf_cstr(&token),
			      serving[0] != '\0' ? serving : "-" };
	table_row(t, row);
	strbuf_done(&token);
	if (client_is_true(sign_in, "signed_in"))
		add_note(t, append_sign_in, sign_in);
	else if (cJSON_IsObject(sign_in))
		add_sign_in_needed(t, account);
	for (credential = client_first(account, "credentials"); credential != NULL;
	     credential = credential->next)
		if (strcmp(client_str(credential, "kind"), "none") != 0)
			add_note(t, append_credential, credential);
}

int cmd_account_list(struct cli *cli)
{
	struct err err;
	struct table t;
	cJSON *answer = NULL;
	const cJSON *account;
	if (!client_get(cli, "/v1/accounts", &answer, &err))
		return cli_fail(cli, &err);
	if (cli->json) {
		json_append(&cli->out, answer);
		strbuf_addc(&cli->out, '\n');
	} else {
		table_init(&t, columns, ARRAY_LEN(columns));
		for (account = client_first(answer, "accounts"); account != NULL;
		     account = account->next)
			add_account(&t, account);
		table_append(&cli->out, &t, cli->width, cli->colour);
		table_done(&t);
	}
	cJSON_Delete(answer);
	return CLI_OK;
}

/* ---- secret */

static void tell_forgotten(struct strbuf *out, const cJSON *answer)
{
	long long count = client_int(answer, "forgotten");
	const char *name = client_str(answer, "account");
	if (count <= 0)
		strbuf_addf(out, "Nothing had been added to account %s.\n", name);
	else
		strbuf_addf(out,
			    "What commands had added to account %s is forgotten (%lld). It shows "
			    "what the configuration says again.\n",
			    name, count);
}

static void tell_added(struct strbuf *out, const cJSON *answer)
{
	const cJSON *credential = client_get_member(answer, "credential");
	strbuf_addf(out,
		    "The new secret is right: a token was got with it. Account %s uses it from now "
		    "on,\nwithout a restart; what it used before stays behind it, in case.\n",
		    client_str(answer, "account"));
	if (client_str(credential, "ends")[0] == '\0' ||
	    client_is_true(credential, "ends_assumed")) {
		strbuf_adds(out,
			    "Nobody has said when it ends; warnings go by its age. If you know "
			    "the day, give it\nagain with --expires 2027-05-01.\n");
	} else {
		strbuf_adds(out, "It ");
		tell_end(out, credential);
		strbuf_adds(out, "; the relay warns 30, 14, 7, 3 and 1 days before.\n");
	}
	strbuf_adds(out,
		    "It is stored, sealed; no file has to be changed. `oauthrelay account list` "
		    "shows it.\n");
}

/* What is sent: the secret that is asked for, or that the added ones are to go. */
static bool fill_order(struct cli *cli, cJSON *order, struct err *err)
{
	struct secret secret = { NULL, 0 };
	if (cli->forget) {
		cJSON_AddTrueToObject(order, "forget");
		return true;
	}
	if (!ask_client_secret(STDIN_FILENO, STDERR_FILENO, cli->words[0], &secret, err))
		return false;
	json_add_str(order, "secret", secret_reveal(&secret));
	secret_done(&secret);
	if (cli->expires != NULL)
		json_add_str(order, "expires", str_of(cli->expires));
	return true;
}

int cmd_account_secret(struct cli *cli)
{
	struct err err, remedy = { .text = "" };
	cJSON *answer = NULL;
	int64_t ends_ms;
	if (cli->word_count > 1) {
		strbuf_adds(
			&cli->err,
			"oauthrelay: the secret does not belong on the command line, where other "
			"users see it: it is asked for, or read from stdin. If that was a real "
			"one, make another\n");
		return CLI_USAGE;
	}
	if (cli->expires != NULL && !units_parse_date(str_of(cli->expires), &ends_ms)) {
		strbuf_adds(&cli->err,
			    "oauthrelay: --expires: its value is a day, as in 2027-05-01\n");
		return CLI_USAGE;
	}
	if (cli->forget && cli->expires != NULL) {
		strbuf_adds(&cli->err, "oauthrelay: --forget takes no --expires\n");
		return CLI_USAGE;
	}
	/* Before it is asked for: nobody shall learn only after having pasted a secret that there
	 * is no such account, or that the relay is not running. */
	if (!tell_account_can(cli, &err))
		return cli_fail(cli, &err);
	cJSON *order = cJSON_CreateObject();
	bool ok = fill_order(cli, order, &err) &&
		  tell_order(cli, "secret", order, &answer, &remedy, &err);
	json_delete_wiped(order);
	if (!ok)
		return tell_refused(cli, &remedy, &err);
	if (cli->json)
		tell_json(cli, answer);
	else if (cli->forget)
		tell_forgotten(&cli->out, answer);
	else
		tell_added(&cli->out, answer);
	tell_warning(cli, answer);
	cJSON_Delete(answer);
	return CLI_OK;
}

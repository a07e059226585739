/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/tell_token.h"
#include "common/json.h"
#include "common/quote.h"
#include "common/units.h"

enum {
	TEXT_MAX = 2048,
	OLD_S = 4 * 3600
};

#define GREEN "\x1b[32m"
#define PLAIN "\x1b[0m"

/* ---- what is wrong, in words */

static void append_text(struct strbuf *out, const cJSON *object, const char *name)
{
	quote_append_visible(out, str_of(client_str(object, name)), TEXT_MAX);
}

static void append_account_problem(struct cli *cli, const cJSON *account, size_t *problems)
{
	const char *state = client_str(account, "state");
	int64_t next = client_int(account, "next_try_s");
	long long waiting = client_int(account, "waiting");
	bool held = strcmp(state, "held") == 0 || strcmp(state, "probing") == 0;
	if (strcmp(state, "open") == 0)
		return;
	tell_problem(cli, problems);
	strbuf_adds(&cli->out, "Account ");
	append_text(&cli->out, account, "name");
	strbuf_adds(&cli->out, held ? " cannot send: " : " pauses: ");
	append_text(&cli->out, account, "reason");
	if (client_str(account, "remedy")[0] != '\0') {
		strbuf_adds(&cli->out, "\n  To do: ");
		append_text(&cli->out, account, "remedy");
	}
	strbuf_addf(&cli->out, "\n  %lld message%s wait%s", waiting, waiting == 1 ? "" : "s",
		    waiting == 1 ? "s" : "");
	if (held)
		strbuf_adds(&cli->out, " and will not grow too old meanwhile");
	if (next > 0) {
		strbuf_adds(&cli->out, "; it is tried again in ");
		units_append_age(&cli->out, next * 1000);
	} else if (next == 0 || strcmp(state, "probing") == 0) {
		strbuf_adds(&cli->out, "; it is being tried now");
	}
	strbuf_adds(&cli->out, ".\n");
}

static void append_queue_problems(struct cli *cli, const cJSON *queue, size_t *problems)
{
	long long failed = client_int(queue, "failed");
	long long held = client_int(queue, "held");
	int64_t oldest = client_int(queue, "oldest_age_s");
	if (failed > 0) {
		tell_problem(cli, problems);
		strbuf_addf(&cli->out,
			    "%lld message%s could not be delivered to everybody and %s kept.\n"
			    "  `oauthrelay queue list` says why.\n",
			    failed, failed == 1 ? "" : "s", failed == 1 ? "is" : "are");
	}
	if (held > 0) {
		tell_problem(cli, problems);
		strbuf_addf(&cli->out,
			    "%lld message%s may or may not have arrived and wait%s for your "
			    "decision.\n  `oauthrelay queue list` shows which.\n",
			    held, held == 1 ? "" : "s", held == 1 ? "s" : "");
	}
	bool told = failed > 0 || held > 0 || client_int(queue, "held_by_rate") > 0;
	if (oldest > OLD_S && !told) {
		tell_problem(cli, problems);
		strbuf_adds(&cli->out, "The oldest message has waited for ");
		units_append_age(&cli->out, oldest * 1000);
		strbuf_adds(&cli->out, ".\n");
	}
}

static void append_held_device(struct cli *cli, const cJSON *device, size_t *problems)
{
	long long messages = client_int(device, "messages");
	tell_problem(cli, problems);
	strbuf_adds(&cli->out, "Device ");
	append_text(&cli->out, device, "device");
	strbuf_adds(&cli->out, " is above ");
	if (client_str(device, "rate")[0] != '\0')
		append_text(&cli->out, device, "rate");
	else
		strbuf_adds(&cli->out, "its rate");
	strbuf_addf(&cli->out, ": %lld message%s held.\n  To do: oauthrelay device release ",
		    messages, messages == 1 ? " is" : "s are");
	append_text(&cli->out, device, "device");
	strbuf_addc(&cli->out, '\n');
}

static void append_problems(struct cli *cli, const cJSON *status)
{
	const cJSON *account;
	const cJSON *device;
	size_t problems = 0;
	for (account = client_first(status, "accounts"); account != NULL; account = account->next)
		append_account_problem(cli, account, &problems);
	for (account = client_first(status, "accounts"); account != NULL; account = account->next)
		tell_token_problems(cli, account, &problems);
	tell_clock_problem(cli, client_first(status, "accounts"), &problems);
	for (device = client_first(status, "held_devices"); device != NULL; device = device->next)
		append_held_device(cli, device, &problems);
	append_queue_problems(cli, client_get_member(status, "queue"), &problems);
	if (problems == 0)
		strbuf_addf(&cli->out, "%sAll is well.%s\n", cli->colour ? GREEN : "",
			    cli->colour ? PLAIN : "");
	strbuf_addc(&cli->out, '\n');
}

/* ---- how things are */

static void append_number(struct strbuf *out, const cJSON *object, const char *name)
{
	long long number = client_int(object, name);
	if (number >= 0)
		strbuf_addf(out, "%lld", number);
	else
		strbuf_adds(out, "-");
}

static void append_token(struct strbuf *out, const cJSON *token)
{
	int64_t good_for = client_int(token, "good_for_s");
	if (!cJSON_IsObject(token)) {
		strbuf_adds(out, "-");
		return;
	}
	strbuf_adds(out, client_str(token, "state"));
	if (good_for > 0) {
		strbuf_addc(out, ' ');
		table_short_age(out, good_for);
	}
}

static void append_accounts(struct cli *cli, const cJSON *status)
{
	static const struct table_column columns[] = { { .title = "ACCOUNT", .flexible = true },
						       { .title = "STATE" },
						       { .title = "TOKEN" },
						       { .title = "SESSIONS", .right = true },
						       { .title = "SENDING", .right = true },
						       { .title = "WAITING", .right = true },
						       { .title = "SENDS AS", .flexible = true } };
	static const char *const numbers[] = { "sessions", "active", "waiting" };
	struct table t;
	const cJSON *account;
	table_init(&t, columns, ARRAY_LEN(columns));
	for (account = client_first(status, "accounts"); account != NULL; account = account->next) {
		struct strbuf token;
		struct strbuf cells[ARRAY_LEN(numbers)];
		strbuf_init(&token, 256);
		append_token(&token, client_get_member(account, "token"));
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
			strbuf_init(&cells[i], 64);
			append_number(&cells[i], account, numbers[i]);
		}
		const char *row[] = { client_str(account, "name"),   client_str(account, "state"),
				      strbuf_cstr(&token),	     strbuf_cstr(&cells[0]),
				      strbuf_cstr(&cells[1]),	     strbuf_cstr(&cells[2]),
				      client_str(account, "mailbox") };
		table_row(&t, row);
		tell_token_notes(&t, account);
		strbuf_done(&token);
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
			strbuf_done(&cells[i]);
	}
	table_append(&cli->out, &t, cli->width, cli->colour);
	table_done(&t);
}

static void append_listeners(struct cli *cli, const cJSON *status)
{
	static const struct table_column columns[] = { { .title = "LISTENER" },
						       { .title = "TLS" },
						       { .title = "LOGIN" },
						       { .title = "CONNECTED", .right = true },
						       { .title = "IN ALL", .right = true } };
	struct table t;
	const cJSON *listener;
	table_init(&t, columns, ARRAY_LEN(columns));
	for (listener = client_first(status, "listeners"); listener != NULL;
	     listener = listener->next) {
		struct strbuf now;
		struct strbuf total;
		strbuf_init(&now, 64);
		strbuf_init(&total, 64);
		append_number(&now, listener, "connections");
		append_number(&total, listener, "connections_total");
		const char *row[] = { client_str(listener, "address"), client_str(listener, "tls"),
				      client_str(listener, "auth"), strbuf_cstr(&now),
				      strbuf_cstr(&total) };
		table_row(&t, row);
		strbuf_done(&now);
		strbuf_done(&total);
	}
	strbuf_addc(&cli->out, '\n');
	table_append(&cli->out, &t, cli->width, cli->colour);
	table_done(&t);
}

static void append_queue(struct strbuf *out, const cJSON *queue)
{
	long long messages = client_int(queue, "messages");
	int64_t bytes = client_int(queue, "bytes");
	if (messages <= 0) {
		strbuf_adds(out, "\nQueue      empty\n");
		return;
	}
	strbuf_addf(out, "\nQueue      %lld message%s (", messages, messages == 1 ? "" : "s");
	table_short_size(out, bytes > 0 ? (uint64_t)bytes : 0);
	strbuf_adds(out, "), oldest ");
	units_append_age(out, client_int(queue, "oldest_age_s") * 1000);
	strbuf_adds(out, "; ready ");
	append_number(out, queue, "ready");
	strbuf_adds(out, ", sending ");
	append_number(out, queue, "active");
	strbuf_adds(out, ", later ");
	append_number(out, queue, "deferred");
	strbuf_addc(out, '\n');
}

static void append_counters(struct strbuf *out, const cJSON *status)
{
	const cJSON *queue = client_get_member(status, "queue");
	const cJSON *intake = client_get_member(status, "intake");
	append_queue(out, queue);
	strbuf_adds(out, "Delivered  ");
	append_number(out, queue, "delivered_total");
	strbuf_adds(out, " recipients since the start, failed ");
	append_number(out, queue, "failed_total");
	strbuf_adds(out, "\nIntake     ");
	append_number(out, intake, "accepted");
	strbuf_adds(out, " messages accepted, ");
	append_number(out, intake, "refused");
	strbuf_adds(out, " commands refused, ");
	append_number(out, intake, "connections");
	strbuf_adds(out, " connected now\nRunning    ");
	units_append_age(out, client_int(status, "uptime_s") * 1000);
	strbuf_adds(out, ", version ");
	append_text(out, status, "version");
	strbuf_addf(out, ", process %lld\n", (long long)client_int(status, "pid"));
}

int cmd_status(struct cli *cli)
{
	struct err err;
	cJSON *status = NULL;
	if (!client_get(cli, "/v1/status", &status, &err))
		return cli_fail(cli, &err);
	if (cli->json) {
		json_append(&cli->out, status);
		strbuf_addc(&cli->out, '\n');
	} else {
		append_problems(cli, status);
		append_accounts(cli, status);
		append_listeners(cli, status);
		append_counters(&cli->out, status);
	}
	cJSON_Delete(status);
	return CLI_OK;
}

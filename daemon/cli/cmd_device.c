/* SPDX-License-Identifier: MIT */
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/paging.h"
#include "cli/table.h"
#include "common/json.h"
#include "common/netaddr.h"
#include "common/quote.h"
#include "common/units.h"
#include "config/syntax.h"

enum {
	TEXT_MAX = 2048,
	NAME_SHOWN = 32, /* of a proposed name */
	OUTPUT_MAX = 1024 * 1024,
};

/* ---- list: the table */

static const struct table_column columns[] = {
	{ .title = "NAME", .flexible = true },
	{ .title = "ADDRESS", .flexible = true },
	{ .title = "LAST SEEN" },
	{ .title = "CONN", .right = true },
	{ .title = "MAIL", .right = true },
	{ .title = "REFUSED", .right = true },
	{ .title = "TLS" },
	{ .title = "LOGIN", .flexible = true },
};

static void append_last_seen(struct strbuf *out, const cJSON *device)
{
	int64_t age = client_int(device, "last_age_s");
	if (client_int(device, "open") > 0) {
		strbuf_adds(out, "connected");
	} else if (age < 0) {
		strbuf_adds(out, "never");
	} else {
		table_short_age(out, age);
		strbuf_adds(out, " ago");
	}
}

/* "PLAIN", or who it was. */
static const char *login_of(const cJSON *device)
{
	const char *user = client_str(device, "user");
	const char *login = client_str(device, "login");
	return user[0] != '\0' ? user : login[0] != '\0' ? login : "-";
}

/* "TLSv1.2" is "1.2". */
static const char *tls_of(const cJSON *device)
{
	const char *tls = client_str(device, "tls");
	if (tls[0] == '\0')
		return "-";
	if (strcmp(tls, "TLSv1") == 0)
		return "1.0"; /* OpenSSL's name for it */
	return str_starts(str_of(tls), STR("TLSv")) ? tls + 4 : tls;
}

static void add_device(struct table *t, const cJSON *device)
{
	static const char *const numbers[] = { "connections", "accepted", "refused" };
	struct strbuf cells[ARRAY_LEN(numbers)];
	struct strbuf last;
	const char *name = client_str(device, "name");
	bool admitted = cJSON_IsTrue(client_get_member(device, "admitted"));
	strbuf_init(&last, 64);
	append_last_seen(&last, device);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		int64_t number = client_int(device, numbers[i]);
		strbuf_init(&cells[i], 64);
		strbuf_addf(&cells[i], "%lld", (long long)(number > 0 ? number : 0));
	}
	const char *row[] = { name[0] != '\0' ? name
			      : admitted      ? "-"
					      : "(unknown)",
			      client_str(device, "address"),
			      strbuf_cstr(&last),
			      strbuf_cstr(&cells[0]),
			      strbuf_cstr(&cells[1]),
			      strbuf_cstr(&cells[2]),
			      tls_of(device),
			      login_of(device) };
	table_row(t, row);
	if (client_str(device, "error")[0] != '\0')
		table_note(t, client_str(device, "error"));
	strbuf_done(&last);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		strbuf_done(&cells[i]);
}

/* ---- list: what to paste */

/* For the addresses that wanted to send and may not. */
struct unknown {
	struct strbuf lines; /* groups with commas between */
	struct strbuf names; /* " NAME " of all rows, so that none is proposed twice */
	size_t count;
	int64_t configured; /* devices there are already */
};

static bool is_taken(const struct unknown *u, struct str name)
{
	struct strbuf word;
	strbuf_init(&word, 1024);
	strbuf_addc(&word, ' ');
	strbuf_addstr(&word, name);
	strbuf_addc(&word, ' ');
	bool taken = strstr(strbuf_cstr(&u->names), strbuf_cstr(&word)) != NULL;
	strbuf_done(&word);
	return taken;
}

/* The first label of what it calls itself; its address where that is nothing to go by. */
static void propose_name(struct strbuf *out, const struct unknown *u, const cJSON *device)
{
	struct netaddr addr;
	struct str helo = str_of(client_str(device, "helo"));
	const char *address = client_str(device, "address");
	ptrdiff_t dot = str_chr(helo, '.');
	struct str label = dot > 0 ? str_head(helo, (size_t)dot) : helo;
	bool sane = label.n <= NAME_SHOWN && syntax_is_name(label) && !netaddr_parse(helo, &addr) &&
		    !str_ieq(label, STR("localhost"));
	if (sane && !is_taken(u, label)) {
		strbuf_addstr(out, label);
		return;
	}
	strbuf_adds(out, "device-");
	for (; *address != '\0'; address++)
		strbuf_addc(out, *address == ':' ? '-' : *address);
}

static void add_unknown(struct unknown *u, const cJSON *device)
{
	struct strbuf name;
	struct netaddr addr;
	const char *address = client_str(device, "address");
	if (!cJSON_IsTrue(client_get_member(device, "not_allowed")) ||
	    !netaddr_parse(str_of(address), &addr))
		return;
	strbuf_init(&name, 256);
	propose_name(&name, u, device);
	strbuf_addf(&u->names, " %s ", strbuf_cstr(&name));
	strbuf_addf(&u->lines, "%s    { name = \"%s\"; address = \"%s\"; }",
		    u->count++ != 0 ? ",\n" : "", strbuf_cstr(&name), address);
	strbuf_done(&name);
}

static void append_unknown(struct strbuf *out, const struct unknown *u)
{
	const char *who = u->count > 1 ? "Some addresses wanted to send and were not allowed to. "
					 "If they should be, put\nthis "
				       : "An address wanted to send and was not allowed to. "
					 "If it should be, put this\n";
	if (u->count == 0)
		return;
	if (u->configured > 0)
		strbuf_addf(out,
			    "\n%sbefore the `)` that ends `devices` in the configuration, then "
			    "reload:\n\n    ,\n%s\n",
			    who, strbuf_cstr(&u->lines));
	else
		strbuf_addf(out,
			    "\n%sinto the configuration, then reload:\n\ndevices = (\n%s\n);\n",
			    who, strbuf_cstr(&u->lines));
}

static void append_page(struct cli *cli, const cJSON *page, void *arg)
{
	struct unknown *u = arg;
	struct table t;
	const cJSON *device;
	table_init(&t, columns, ARRAY_LEN(columns));
	for (device = client_first(page, "devices"); device != NULL; device = device->next) {
		add_device(&t, device);
		strbuf_addf(&u->names, " %s ", client_str(device, "name"));
	}
	for (device = client_first(page, "devices"); device != NULL; device = device->next)
		add_unknown(u, device);
	u->configured = client_int(page, "configured");
	table_append(&cli->out, &t, cli->width, cli->colour);
	table_done(&t);
}

int cmd_device_list(struct cli *cli)
{
	struct unknown u = { .count = 0 };
	const struct paging devices = { "/v1/devices",
					"devices",
					"addresses and devices",
					"Nobody has connected yet, and no device is configured.",
					append_page,
					&u };
	strbuf_init(&u.lines, OUTPUT_MAX);
	strbuf_init(&u.names, OUTPUT_MAX);
	int status = paging_run(cli, &devices);
	if (status == CLI_OK && !cli->json)
		append_unknown(&cli->out, &u);
	strbuf_done(&u.lines);
	strbuf_done(&u.names);
	return status;
}

/* ---- transcript */

static void append_transcript(struct strbuf *out, const cJSON *t)
{
	const cJSON *line;
	strbuf_adds(out, client_str(t, "address"));
	strbuf_addf(out, ", %s, ", client_str(t, "started"));
	units_append_age(out, client_int(t, "age_s") * 1000);
	strbuf_adds(out, " ago\n");
	for (line = client_first(t, "lines"); line != NULL; line = line->next) {
		strbuf_adds(out, "  ");
		quote_append_visible(out, str_of(cJSON_GetStringValue(line)), TEXT_MAX);
		strbuf_addc(out, '\n');
	}
	long long took = client_int(t, "took_ms");
	strbuf_addf(out, "  %5lld.%03lld (end: ", took / 1000, took % 1000);
	quote_append_bare(out, str_of(client_str(t, "end")), TEXT_MAX);
	strbuf_adds(out, ")\n");
}

/* Why there is none. */
static void append_none(struct strbuf *out, const char *name, const cJSON *answer)
{
	const char *rule = client_str(answer, "transcript");
	strbuf_adds(out, "There is no transcript of ");
	quote_append_bare(out, str_of(name), TEXT_MAX);
	if (client_int(answer, "connections") <= 0)
		strbuf_adds(out, ": it has not connected since the relay was started.\n");
	else if (strcmp(rule, "none") == 0)
		strbuf_adds(out, ": log.transcript is \"none\" in the configuration.\n");
	else if (strcmp(rule, "failed") == 0)
		strbuf_adds(out, ": none of its sessions has failed (log.transcript = \"all\" "
				 "keeps the others too).\n");
	else
		strbuf_adds(out, ": none of its sessions has ended yet.\n");
}

static void append_answer(struct cli *cli, const cJSON *answer)
{
	const cJSON *first = client_first(answer, "transcripts");
	const cJSON *t;
	for (t = first; t != NULL; t = t->next) {
		strbuf_adds(&cli->out, t != first ? "\n" : "");
		append_transcript(&cli->out, t);
	}
	if (first == NULL)
		append_none(&cli->out, cli->words[0], answer);
}

int cmd_device_transcript(struct cli *cli)
{
	struct err err;
	struct strbuf path;
	cJSON *answer = NULL;
	char *name = evhttp_encode_uri(cli->words[0]);
	strbuf_init(&path, 4096);
	strbuf_addf(&path, "/v1/devices/%s/transcript", name);
	bool ok = client_get(cli, strbuf_cstr(&path), &answer, &err);
	strbuf_done(&path);
	free(name);
	if (!ok)
		return cli_fail(cli, &err);
	if (cli->json) {
		json_append(&cli->out, answer);
		strbuf_addc(&cli->out, '\n');
	} else {
		append_answer(cli, answer);
	}
	cJSON_Delete(answer);
	return CLI_OK;
}

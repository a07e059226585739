/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/paging.h"
#include "cli/table.h"
#include "common/json.h"
#include "common/quote.h"
#include "common/units.h"

enum {
	RECIPIENTS_SHOWN = 5, /* of one message in the list */
	ID_SHOWN = 8,
	WIDE = 120, /* here there is room for whole ids */
	TEXT_MAX = 2048,
};

static const struct table_column columns[] = {
	{ .title = "ID" },
	{ .title = "AGE", .right = true },
	{ .title = "SIZE", .right = true },
	{ .title = "FROM", .flexible = true },
	{ .title = "TO", .flexible = true },
	{ .title = "STATE" },
	{ .title = "NEXT", .right = true },
};

/* ---- list */

/* The cells of a message that are the same for all its recipients; a buffer each. */
struct cells {
	struct strbuf id;
	struct strbuf age;
	struct strbuf size;
	struct strbuf next;
};

static void cells_init(struct cells *c, const cJSON *message, size_t width)
{
	strbuf_init(&c->id, 64);
	strbuf_init(&c->age, 64);
	strbuf_init(&c->size, 64);
	strbuf_init(&c->next, 64);
	strbuf_addstr(&c->id, str_head(str_of(client_str(message, "id")),
				       width >= WIDE ? SIZE_MAX : ID_SHOWN));
	table_short_age(&c->age, client_int(message, "age_s"));
	int64_t size = client_int(message, "size");
	table_short_size(&c->size, size > 0 ? (uint64_t)size : 0);
}

static void cells_done(struct cells *c)
{
	strbuf_done(&c->id);
	strbuf_done(&c->age);
	strbuf_done(&c->size);
	strbuf_done(&c->next);
}

static void set_next(struct strbuf *next, const cJSON *recipient)
{
	int64_t seconds = client_int(recipient, "next_s");
	strbuf_reset(next);
	if (seconds < 0)
		strbuf_adds(next, "-");
	else if (seconds == 0)
		strbuf_adds(next, "now");
	else
		table_short_age(next, seconds);
}

/* What the account waits for explains more than the last reply does. */
static const char *reason(const cJSON *message, const cJSON *recipient)
{
	bool waits = strcmp(client_str(recipient, "state"), "queued") == 0;
	const char *blocked = client_str(message, "blocked");
	return waits && blocked[0] != '\0' ? blocked : client_str(recipient, "reply");
}

static void add_message(struct table *t, const cJSON *message, size_t width)
{
	struct cells c;
	const cJSON *recipient;
	const cJSON *recipients = client_get_member(message, "recipients");
	int shown = 0;
	cells_init(&c, message, width);
	const char *from = client_str(message, "from");
	const char *told = "";
	for (recipient = client_first(message, "recipients"); recipient != NULL;
	     recipient = recipient->next) {
		bool first = shown == 0;
		if (shown++ == RECIPIENTS_SHOWN)
			break;
		set_next(&c.next, recipient);
		const char *row[] = { first ? strbuf_cstr(&c.id) : "",
				      first ? strbuf_cstr(&c.age) : "",
				      first ? strbuf_cstr(&c.size) : "",
				      first ? (from[0] != '\0' ? from : "<>") : "",
				      client_str(recipient, "to"),
				      client_str(recipient, "state"),
				      strbuf_cstr(&c.next) };
		table_row(t, row);
		/* Told once where it is the same for several. */
		const char *why = reason(message, recipient);
		if (why[0] != '\0' && strcmp(why, told) != 0)
			table_note(t, why);
		told = why;
	}
	if (cJSON_GetArraySize(recipients) > RECIPIENTS_SHOWN) {
		struct strbuf more;
		strbuf_init(&more, 64);
		strbuf_addf(&more, "and %d more",
			    cJSON_GetArraySize(recipients) - RECIPIENTS_SHOWN);
		const char *row[ARRAY_LEN(columns)] = { [4] = strbuf_cstr(&more) };
		table_row(t, row);
		strbuf_done(&more);
	}
	cells_done(&c);
}

static void append_page(struct cli *cli, const cJSON *page, void *arg)
{
	struct table t;
	const cJSON *message;
	(void)arg;
	table_init(&t, columns, ARRAY_LEN(columns));
	for (message = client_first(page, "messages"); message != NULL; message = message->next)
		add_message(&t, message, cli->width);
	table_append(&cli->out, &t, cli->width, cli->colour);
	table_done(&t);
}

int cmd_queue_list(struct cli *cli)
{
	const struct paging queue = { "/v1/queue",	     "messages",  "messages",
				      "The queue is empty.", append_page, NULL };
	return paging_run(cli, &queue);
}

/* ---- show */

static void append_line(struct strbuf *out, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	strbuf_addf(out, "%-10s ", name);
	quote_append_bare(out, str_of(text), TEXT_MAX);
	strbuf_addc(out, '\n');
}

static void append_recipient(struct strbuf *out, const cJSON *recipient)
{
	long long attempts = client_int(recipient, "attempts");
	int64_t next = client_int(recipient, "next_s");
	strbuf_adds(out, "  ");
	quote_append_bare(out, str_of(client_str(recipient, "to")), TEXT_MAX);
	strbuf_addf(out, ": %s", client_str(recipient, "state"));
	if (attempts > 0)
		strbuf_addf(out, ", %lld attempt%s", attempts, attempts == 1 ? "" : "s");
	if (next > 0) {
		strbuf_adds(out, ", next in ");
		units_append_age(out, next * 1000);
	}
	strbuf_addc(out, '\n');
	if (client_str(recipient, "reply")[0] != '\0') {
		strbuf_adds(out, "      ");
		quote_append_bare(out, str_of(client_str(recipient, "reply")), TEXT_MAX);
		strbuf_addc(out, '\n');
	}
}

static void append_message(struct strbuf *out, const cJSON *message)
{
	struct strbuf text;
	const cJSON *recipient;
	const char *from = client_str(message, "from");
	int64_t age = client_int(message, "age_s");
	int64_t size = client_int(message, "size");
	strbuf_init(&text, 1024);
	append_line(out, "Message", client_str(message, "id"));
	strbuf_addf(&text, "%s, ", client_str(message, "accepted"));
	units_append_age(&text, age * 1000);
	strbuf_adds(&text, " ago");
	append_line(out, "Accepted", strbuf_cstr(&text));
	strbuf_reset(&text);
	strbuf_addf(&text, "%lld bytes", (long long)size);
	append_line(out, "Size", strbuf_cstr(&text));
	append_line(out, "From", from[0] != '\0' ? from : "<>");
	append_line(out, "Device", client_str(message, "device"));
	append_line(out, "User", client_str(message, "user"));
	append_line(out, "Account", client_str(message, "account"));
	append_line(out, "Waits for", client_str(message, "blocked"));
	strbuf_adds(out, "To\n");
	for (recipient = client_first(message, "recipients"); recipient != NULL;
	     recipient = recipient->next)
		append_recipient(out, recipient);
	strbuf_done(&text);
}

/* An id goes into a path: hexadecimal digits only. */
static bool is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_is_digit(id.p[i]) && (id.p[i] < 'a' || id.p[i] > 'f'))
			return false;
	return id.n != 0 && id.n <= 32;
}

int cmd_queue_show(struct cli *cli)
{
	struct err err;
	struct strbuf path;
	cJSON *message = NULL;
	if (!is_id(str_of(cli->words[0]))) {
		strbuf_adds(&cli->err, "oauthrelay: an id is made of the digits 0-9 and a-f, as "
				       "`oauthrelay queue list` prints it\n");
		return CLI_USAGE;
	}
	strbuf_init(&path, 128);
	strbuf_addf(&path, "/v1/queue/%s", cli->words[0]);
	bool ok = client_get(cli, strbuf_cstr(&path), &message, &err);
	strbuf_done(&path);
	if (!ok)
		return cli_fail(cli, &err);
	if (cli->json) {
		json_append(&cli->out, message);
		strbuf_addc(&cli->out, '\n');
	} else {
		append_message(&cli->out, message);
	}
	cJSON_Delete(message);
	return CLI_OK;
}

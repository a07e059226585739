/* SPDX-License-Identifier: MIT */
#include "admin/show_queue.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 200,
	ID_DIGITS_MIN = 4
};

static void add_address(cJSON *object, const char *name, const struct address *a)
{
	struct strbuf text;
	strbuf_init(&text, 1024);
	address_append(&text, a);
	json_add_str(object, name, strbuf_str(&text));
	strbuf_done(&text);
}

static void add_optional(cJSON *object, const char *name, const char *text)
{
	if (text != NULL)
		json_add_str(object, name, str_of(text));
	else
		cJSON_AddNullToObject(object, name);
}

/* What a pending recipient waits for follows from where its message is. */
static const char *pending_name(enum place place)
{
	switch (place) {
	case PLACE_DUE:
		return "deferred";
	case PLACE_READY:
		return "queued";
	case PLACE_ACTIVE:
		return "sending";
	case PLACE_NONE:
	case PLACE_PARKED:
		break;
	}
	return "new";
}

static const char *state_name(const struct queued *m, const struct queued_recipient *r)
{
	bool pending = r->state == PROGRESS_PENDING || r->state == PROGRESS_INFLIGHT;
	return pending ? pending_name((enum place)m->place)
		       : progress_state_name((enum progress_state)r->state);
}

/* When the message is tried; what waits for its account, when that is tried. */
static int64_t next_ms(const struct queued *m)
{
	struct account_status status;
	if (m->place != PLACE_READY || m->account == NULL)
		return queue_next_try_ms(m);
	account_status(m->account, &status);
	return status.state == ACCOUNT_OPEN ? queue_next_try_ms(m) : status.next_try_ms;
}

/* Whole seconds, rounded up; null when it is never tried by itself. */
static void add_next(cJSON *object, const struct queued *m, bool pending)
{
	int64_t ms = pending ? next_ms(m) : -1;
	int64_t seconds = (ms + 999) / 1000;
	if (ms < 0)
		cJSON_AddNullToObject(object, "next_s");
	else
		cJSON_AddNumberToObject(object, "next_s", (double)seconds);
}

static void add_reply(cJSON *json, const struct queue *queue, const struct queued *m,
		      const struct queued_recipient *r)
{
	struct strbuf hold;
	strbuf_init(&hold, 512);
	if (queue_append_hold(queue, m, &hold))
		json_add_str(json, "reply", strbuf_str(&hold));
	else
		add_optional(json, "reply", r->reply);
	strbuf_done(&hold);
}

static cJSON *recipient_json(const struct queue *queue, const struct queued *m,
			     const struct queued_recipient *r)
{
	cJSON *json = cJSON_CreateObject();
	bool pending = r->state == PROGRESS_PENDING || r->state == PROGRESS_INFLIGHT;
	add_address(json, "to", &r->address);
	cJSON_AddStringToObject(json, "state", state_name(m, r));
	cJSON_AddNumberToObject(json, "attempts", r->attempts);
	add_next(json, m, pending);
	add_reply(json, queue, m, r);
	return json;
}

/* Why the message's account does not send, if so. */
static void add_account(cJSON *json, const struct queued *m)
{
	struct account_status status;
	if (m->account == NULL) {
		cJSON_AddNullToObject(json, "account");
		cJSON_AddNullToObject(json, "blocked");
		return;
	}
	account_status(m->account, &status);
	json_add_str(json, "account", str_of(status.name));
	add_optional(json, "blocked", status.state != ACCOUNT_OPEN ? status.reason : NULL);
}

static cJSON *message_json(const struct queue *queue, const struct queued *m)
{
	struct strbuf accepted;
	int64_t age = (clock_wall_ms() - m->accepted_ms) / 1000;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "id", msgid_text(&m->id).hex);
	strbuf_init(&accepted, 64);
	clock_append_iso(&accepted, m->accepted_ms);
	cJSON_AddStringToObject(json, "accepted", strbuf_cstr(&accepted));
	strbuf_done(&accepted);
	/* The wall clock may have been set back since. */
	cJSON_AddNumberToObject(json, "age_s", age > 0 ? (double)age : 0);
	cJSON_AddNumberToObject(json, "size", (double)m->size);
	add_address(json, "from", &m->reverse_path);
	add_optional(json, "device", m->device);
	add_optional(json, "user", m->user);
	add_account(json, m);
	add_next(json, m, true);
	cJSON *recipients = cJSON_AddArrayToObject(json, "recipients");
	for (uint32_t i = 0; i < m->recipient_count; i++)
		cJSON_AddItemToArray(recipients, recipient_json(queue, m, &m->recipients[i]));
	return json;
}

struct admin_answer show_queue(const struct admin_request *request)
{
	uint64_t limit;
	uint64_t offset;
	if (!admin_query_number(request->query, "limit", PAGE_MAX, PAGE_DEFAULT, &limit) ||
	    !admin_query_number(request->query, "offset", SIZE_MAX, 0, &offset))
		return admin_error(400, "limit is a number up to 200, offset a number");
	const struct queue *queue = request->view->queue;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "total", (double)queue_size(queue));
	cJSON_AddNumberToObject(json, "offset", (double)offset);
	cJSON *messages = cJSON_AddArrayToObject(json, "messages");
	const struct queued *m = queue_first(queue);
	for (uint64_t i = 0; m != NULL && i < offset; i++)
		m = queue_next(m);
	for (uint64_t i = 0; m != NULL && i < limit; i++, m = queue_next(m))
		cJSON_AddItemToArray(messages, message_json(queue, m));
	return (struct admin_answer){ .status = 200, .body = json };
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return true;
}

/* The message whose id begins so; *several says that there is more than one. */
static const struct queued *find_by_prefix(const struct queue *queue, struct str prefix,
					   bool *several)
{
	const struct queued *found = NULL;
	*several = false;
	for (const struct queued *m = queue_first(queue); m != NULL; m = queue_next(m)) {
		if (memcmp(msgid_text(&m->id).hex, prefix.p, prefix.n) != 0)
			continue;
		*several = found != NULL;
		if (*several)
			break;
		found = m;
	}
	return found;
}

static struct admin_answer no_such_message(struct str id)
{
	struct strbuf text;
	strbuf_init(&text, 256);
	strbuf_adds(&text, "message ");
	strbuf_addstr(&text, id);
	strbuf_adds(&text, " is not in the queue; it may have been delivered");
	struct admin_answer answer = admin_error(404, strbuf_cstr(&text));
	strbuf_done(&text);
	return answer;
}

struct admin_answer show_message(const struct admin_request *request)
{
	struct msgid id;
	struct str text = request->rest;
	bool several = false;
	const struct queued *m = NULL;
	/* From here on it is safe to repeat. */
	if (text.n > MSGID_HEX || text.n < ID_DIGITS_MIN || !is_hex(text))
		return admin_error(400, "an id is 32 hexadecimal digits; its first four will do");
	if (msgid_parse(text, &id))
		m = queue_get(request->view->queue, &id);
	else
		m = find_by_prefix(request->view->queue, text, &several);
	if (several)
		return admin_error(409, "several messages begin with these digits; give more");
	if (m == NULL)
		return no_such_message(text);
	return (struct admin_answer){ .status = 200,
				      .body = message_json(request->view->queue, m) };
}

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_ADMIN_WORLD_H
#define OAUTHRELAY_TESTS_ADMIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/routes.h"
#include "common/clock.h"
#include "common/json.h"
#include "tests/unit/support/config_text.h"

/*
 * What the control socket is asked about, without the real queue: the tests define its functions.
 */

enum {
	MESSAGES = 120
};

struct account {
	struct account_status status;
	const struct account_config *config;
	struct token *token;
};

static struct queued messages[MESSAGES];
static struct queued_recipient recipients[MESSAGES];
static size_t message_count;
static struct account account;
static int64_t next_try;

void queue_totals(const struct queue *q, struct queue_totals *out)
{
	(void)q;
	*out = (struct queue_totals){ .messages = message_count,
				      .recipients = 7,
				      .bytes = UINT64_C(5) << 30,
				      .oldest_ms = clock_wall_ms() - 61500,
				      .failed = 1,
				      .delivered_total = 17 };
}

const struct queued *queue_first(const struct queue *q)
{
	(void)q;
	return message_count != 0 ? &messages[0] : NULL;
}

const struct queued *queue_next(const struct queued *m)
{
	return m + 1 < messages + message_count ? m + 1 : NULL;
}

const struct queued *queue_get(const struct queue *q, const struct msgid *id)
{
	(void)q;
	for (size_t i = 0; i < message_count; i++)
		if (msgid_equal(&messages[i].id, id))
			return &messages[i];
	return NULL;
}

size_t queue_size(const struct queue *q)
{
	(void)q;
	return message_count;
}

static char held_name[] = "old-erp";
static size_t held_messages;
static char released[64];

bool queue_held_device(const struct queue *q, size_t index, struct queue_held *out)
{
	(void)q;
	*out = (struct queue_held){ held_name, held_messages };
	return held_messages != 0 && index == 0;
}

size_t queue_held_count(const struct queue *q, struct str device)
{
	(void)q;
	return str_eq(device, str_of(held_name)) ? held_messages : 0;
}

bool queue_append_hold(const struct queue *q, const struct queued *m, struct strbuf *out)
{
	(void)q;
	if (m->hold != QUEUED_HELD)
		return false;
	strbuf_adds(out, "held: why");
	return true;
}

static size_t fake_release(void *ctx, struct str device)
{
	assert_ptr_equal(ctx, released);
	memcpy(released, device.p, device.n);
	released[device.n] = '\0';
	return 12;
}

int64_t queue_next_try_ms(const struct queued *m)
{
	(void)m;
	return next_try;
}

size_t queue_account_count(const struct queue *q)
{
	(void)q;
	return 1;
}

const struct account *queue_account(const struct queue *q, size_t index)
{
	(void)q;
	(void)index;
	return &account;
}

const char *account_state_name(enum account_state state)
{
	return state == ACCOUNT_HELD ? "held" : "open";
}

const struct account_config *account_config_of(const struct account *a)
{
	return a->config;
}

struct token *account_token(const struct account *a)
{
	return a->token;
}

void account_status(const struct account *a, struct account_status *out)
{
	*out = a->status;
}

/* None of them has one: what is done with tokens has tests of its own. */

static struct config *config;
static char local[] = "scan";
static char domain[] = "printer.local";

static int set_up(void **state)
{
	(void)state;
	config = config_must_load(CONFIG_SMALLEST "devices = ( { name = \"xerox-3f\"; "
						  "address = \"10.0.0.1\"; } );");
	held_messages = 0;
	released[0] = '\0';
	message_count = MESSAGES;
	for (size_t i = 0; i < MESSAGES; i++) {
		messages[i] = (struct queued){ .recipients = &recipients[i],
					       .recipient_count = 1,
					       .reverse_path = { local, domain },
					       .accepted_ms = clock_wall_ms() - 5000,
					       .size = 1000 + i,
					       .place = PLACE_DUE };
		recipients[i] =
			(struct queued_recipient){ .address = { local, domain }, .attempts = 2 };
		memset(messages[i].id.b, 0x5a, sizeof(messages[i].id.b));
		messages[i].id.b[0] = (uint8_t)i;
	}
	account = (struct account){ .config = &config->accounts[0],
				    .status = { .name = "scanner",
						.state = ACCOUNT_OPEN,
						.reason = "",
						.remedy = "",
						.next_try_ms = -1,
						.token_state = TOKEN_VALID,
						.token_good_for_ms = 59001,
						.sessions = 2,
						.waiting = 3 } };
	next_try = 61001;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	config_unref(config);
	return 0;
}

/* "METHOD /path?query", and a body. */
static struct admin_answer ask_with_ticket(const char *line, const char *body,
					   struct admin_ticket *ticket)
{
	const struct admin_ops ops = { .release_device = fake_release, .ctx = released };
	struct str rest = str_of(line);
	struct str method = str_word(&rest);
	struct str path = str_word(&rest);
	struct str query = { NULL, 0 };
	ptrdiff_t mark = str_chr(path, '?');
	if (mark >= 0) {
		query = str_skip(path, (size_t)mark + 1);
		path = str_head(path, (size_t)mark);
	}
	struct admin_view view = { .config = config,
				   .intake = { .accepted_total = 20, .connections_now = 1 },
				   .started_ms = clock_mono_ms() - 5000 };
	const struct admin_call call = { method, path, query, str_of(body), ticket };
	return admin_dispatch(&view, &ops, &call);
}

static inline struct admin_answer ask_with(const char *line, const char *body)
{
	return ask_with_ticket(line, body, NULL);
}

static inline struct admin_answer ask(const char *line)
{
	return ask_with(line, NULL);
}

static inline double number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);
	assert_true(cJSON_IsNumber(item));
	return item->valuedouble;
}

static inline const char *text(const cJSON *object, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
	assert_non_null(s);
	return s;
}

static inline const cJSON *member(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(object, name);
	assert_non_null(item);
	return item;
}

#endif

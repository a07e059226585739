/* SPDX-License-Identifier: MIT */
/* WRAP: timer_start clock_mono_ms */
#include <event2/event.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timer.h"
#include "inbound/server.h"
#include "inbound/session.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/smtp_model.h"
#include "tests/unit/support/world_client.h"

/*
 * The state machine against a model of it (tests/unit/support/smtp_model.h): random dialogues of
 * several kinds of clients (threats.md 2.8), each in one segment and in short ones.
 *
 * OAUTHRELAY_MODEL_STEPS is how many steps are made, OAUTHRELAY_SEED the seed of the first
 * dialogue; a failure prints the seed to begin with.
 */
enum {
	STEPS = 50000,
	STEPS_A_WALK = 50,
	LATER_MS = 3600 * 1000, /* than any time-out */
};

static const struct kind {
	const char *address;
	struct model_client client;
} kinds[] = {
	{ "192.168.1.9", { .rule = MODEL_OPEN } },
	{ "192.168.1.9", { .rule = MODEL_OPEN, .tls = true } },
	{ "192.168.1.10", { .rule = MODEL_ANY_PASSWORD } },
	{ "192.168.1.11", { .rule = MODEL_USERS } },
	{ "192.168.1.12", { .rule = MODEL_USERS_BY_TLS, .tls = true } },
	{ "192.168.1.13", { .rule = MODEL_OPEN, .lf = true } },
};

static const char config_text[] =
	"limits = { errors = 10000; lock_after = 10000; lock_time = \"100ms\"; };"
	"devices = ("
	"{ name = \"any\"; address = \"192.168.1.10\"; auth = \"accept-any-password\"; },"
	"{ name = \"nas\"; address = \"192.168.1.11\"; auth = \"required\"; cleartext_auth = true; },"
	"{ name = \"tls\"; address = \"192.168.1.12\"; auth = \"required\"; },"
	"{ name = \"plc\"; address = \"192.168.1.13\"; quirks = [ \"bare-lf\" ]; } );";

/* --- time ---------------------------------------------------------------------------------------
 */

static int64_t passed_ms;

void __real_timer_start(struct event *timer, int64_t ms);
void __wrap_timer_start(struct event *timer, int64_t ms);
int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

/* The delay behind a wrong password is not waited for. */
void __wrap_timer_start(struct event *timer, int64_t ms)
{
	__real_timer_start(timer, ms > 0 && ms <= 10000 ? 1 : ms);
}

int64_t __wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + passed_ms;
}

/* The time-out of the only session comes now. */
static void time_passes(struct inbound_world *w)
{
	const struct in_session *s = TAILQ_FIRST(&w->in->sessions);
	assert_non_null(s);
	passed_ms += LATER_MS;
	event_active(s->timer, EV_TIMEOUT, 1);
}

/* --- one dialogue -------------------------------------------------------------------------------
 */

static size_t count_replies(const struct world_client *c)
{
	size_t n = 0;
	struct str rest = strbuf_str(&c->in);
	ptrdiff_t end;
	while ((end = str_chr(rest, '\n')) >= 0) {
		n += end > 3 && rest.p[3] == ' ';
		rest = str_skip(rest, (size_t)end + 1);
	}
	return n;
}

static void wait_replies(struct world_client *c, size_t count)
{
	int64_t deadline = clock_mono_ms() + 5000;
	while (count_replies(c) < count && !c->closed && clock_mono_ms() < deadline) {
		const struct timeval tick = { .tv_usec = 20000 };
		event_base_loopexit(c->world->base, &tick);
		event_base_loop(c->world->base, EVLOOP_ONCE);
	}
}

static void talk(struct world_client *c, const struct model_walk *walk, size_t piece)
{
	client_send(c, strbuf_str(&walk->clear), piece);
	if (walk->tls) {
		wait_replies(c, walk->clear_replies);
		assert_true(client_handshake(c));
		client_send(c, strbuf_str(&walk->secured), piece);
		/* A connection that ends without close_notify is lost, with all that is under way.
		 */
		wait_replies(c, walk->replies);
	}
	if (walk->end == MODEL_TIMES_OUT || walk->end == MODEL_TIMES_OUT_IN_CONTENT) {
		wait_replies(c, walk->replies);
		client_send(c, STR(""), 1); /* a turn more, for what has no reply */
		time_passes(c->world);
	} else {
		client_shut(c);
	}
	client_wait_closed(c);
}

static void add_message(const struct world_message *m, struct strbuf *out)
{
	address_append(out, &m->envelope.reverse_path);
	strbuf_adds(out, ">");
	for (size_t i = 0; i < m->envelope.recipient_count; i++) {
		strbuf_adds(out, i != 0 ? "," : "");
		address_append(out, &m->envelope.recipients[i].address);
	}
	strbuf_adds(out, "\n");
}

static void compare(const struct inbound_world *w, const struct world_client *c,
		    const struct model_walk *walk, uint64_t seed)
{
	struct strbuf arrived;
	char *codes = client_codes(c);
	strbuf_init(&arrived, 1 << 20);
	for (size_t i = 0; i < w->message_count; i++)
		add_message(&w->messages[i], &arrived);
	if (strcmp(codes, strbuf_cstr(&walk->codes)) != 0 ||
	    strcmp(strbuf_cstr(&arrived), strbuf_cstr(&walk->messages)) != 0 ||
	    w->begun != walk->begun) {
		fprintf(stderr, "sent: %s\n--- inside TLS: %s\n", strbuf_cstr(&walk->clear),
			strbuf_cstr(&walk->secured));
		fprintf(stderr, "expected: %s\n%s%u begun\n", strbuf_cstr(&walk->codes),
			strbuf_cstr(&walk->messages), walk->begun);
		fprintf(stderr, "got: %s\n%s%u begun\n", codes, strbuf_cstr(&arrived), w->begun);
		fail_msg("OAUTHRELAY_SEED=%" PRIu64 " begins with this dialogue", seed);
	}
	free(codes);
	strbuf_done(&arrived);
}

static void run(struct inbound_world *w, const struct kind *kind, const struct model_walk *walk,
		size_t piece, uint64_t seed)
{
	struct world_client *c = world_connect(w, kind->address);
	w->pause_every = (unsigned)(seed % 3);
	if (walk->end == MODEL_TIMES_OUT_IN_CONTENT)
		w->pause_every = 0;
	talk(c, walk, piece);
	compare(w, c, walk, seed);
	client_free(c);
	world_settle(w);
	world_clear(w);
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t n = otherwise;
	if (text != NULL)
		assert_true(str_to_u64(str_of(text), UINT64_MAX, &n));
	return n;
}

static void random_walks(void **state)
{
	uint64_t steps = number_from_environment("OAUTHRELAY_MODEL_STEPS", STEPS);
	uint64_t first = number_from_environment("OAUTHRELAY_SEED", 20261122);
	struct inbound_world *worlds[] = { inbound_world_new(config_text),
					   inbound_world_new_tls(config_text) };
	size_t messages = 0;
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
		worlds[i]->refuse_begin_to = MODEL_REFUSED_BEGIN;
		worlds[i]->refuse_finish_to = MODEL_REFUSED_FINISH;
	}
	for (uint64_t done = 0, seed = first; done < steps; done += STEPS_A_WALK, seed++) {
		const struct kind *kind = &kinds[seed % ARRAY_LEN(kinds)];
		struct inbound_world *w = worlds[kind->client.tls];
		struct model_walk walk;
		model_walk(&walk, &kind->client, seed, STEPS_A_WALK);
		run(w, kind, &walk, SIZE_MAX, seed);
		/* Single bytes, or a few of them. */
		run(w, kind, &walk, 1 + seed % 7, seed);
		messages += walk.messages.n != 0;
		model_walk_done(&walk);
	}
	assert_true(steps < STEPS || messages > 100);
	for (size_t i = 0; i < ARRAY_LEN(worlds); i++)
		inbound_world_free(worlds[i]);
}

/* Bytes without sense, from a dictionary of what hurts: no crash, and replies that are replies. */
static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

static void random_bytes(void **state)
{
	static const char *const words[] = { "EHLO x",
					     "MAIL FROM:<a@b>",
					     "RCPT TO:<c@d>",
					     "DATA",
					     "AUTH PLAIN",
					     "AUTH LOGIN",
					     "\r\n",
					     "\n",
					     "\r",
					     ".",
					     "\r\n.\r\n",
					     "<",
					     ">",
					     "@",
					     " ",
					     "\t",
					     "*",
					     "=",
					     "QUIT",
					     "RSET",
					     "BDAT 9",
					     "\xff",
					     "\x01",
					     "AGEAYg==",
					     "SIZE=1",
					     "BODY=",
					     "AUTH=<>",
					     ":",
					     "STARTTLS",
					     "\"\\" };
	struct inbound_world *w = inbound_world_new("limits = { errors = 10000; };");
	uint64_t seed = 42;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct strbuf text;
		struct world_client *c = world_connect(w, "192.168.1.9");
		strbuf_init(&text, 64 * 1024);
		w->pause_every = (unsigned)next_random(&seed) % 4;
		for (unsigned k = 0; k < 80; k++) {
			strbuf_adds(&text, words[next_random(&seed) % ARRAY_LEN(words)]);
			if (next_random(&seed) % 3 == 0)
				strbuf_adds(&text, "\r\n");
		}
		client_send(c, strbuf_str(&text), 1 + next_random(&seed) % 200);
		client_shut(c);
		client_wait_closed(c);
		free(client_codes(c)); /* checks their form */
		client_free(c);
		strbuf_done(&text);
		assert_int_equal(w->begun, w->abandoned + w->message_count);
		world_clear(w);
	}
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walks),
		cmocka_unit_test(random_bytes),
	};
	return cmocka_run_group_tests_name("inbound/model", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* WRAP: timer_start clock_wall_ms msgid_random */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/timer.h"
#include "inbound/server.h"
#include "message/body_out.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/world_client.h"

/*
 * A whole session: a client's byte stream in, replies and messages out, with the other side faked
 * (tests/unit/support/inbound_world.h). The same stream in one segment and in several must give the
 * same, octet by octet; so ids, the clock and the delays are made the same for each run.
 * Input: a byte of which client (enum client_kind), one of segments, one of how the other side
 * behaves (enum other_side), then the stream.
 */
enum {
	TEXT_MAX = 64 << 20,
	STREAM_MAX = 32 * 1024,
	SMALL_LIMIT = 300,
};

enum other_side {
	REFUSES_BEGIN = 1,
	REFUSES_FINISH = 2,
	PAUSES = 4,
	TAKES_LITTLE = 8, /* patience with what is too large ends between segments */
	CLIENT_BREAKS_OFF = 16,
	OFFERS_TLS = 32, /* what is sent behind STARTTLS is dropped, so nothing is compared */
};

static const char *const addresses[] = {
	"192.168.1.9",	/* admitted by `allow` */
	"192.168.1.10", /* any password */
	"192.168.1.11", /* a user's password, in clear text too */
	"192.168.1.12", /* a user's password, with TLS only */
	"192.168.1.13", /* forgiven much */
	"192.168.1.14", /* lines end in LF */
	"192.168.1.15", /* offered little */
	"10.9.9.9",	/* nobody */
	"192.168.1.16", /* with a list of senders, and forgiven much */
};

static const char config_text[] =
	"default_domain = \"b.c\";"
	"limits = { errors = 100; lock_after = 10000; lock_time = \"100ms\"; };"
	"devices = ("
	"{ name = \"any\"; address = \"192.168.1.10\"; auth = \"accept-any-password\"; },"
	"{ name = \"nas\"; address = \"192.168.1.11\"; auth = \"required\"; cleartext_auth = true; },"
	"{ name = \"tls\"; address = \"192.168.1.12\"; auth = \"required\"; },"
	"{ name = \"ups\"; address = \"192.168.1.13\";"
	"  quirks = [ \"no-brackets\", \"empty-helo\", \"odd-dots\" ]; },"
	"{ name = \"lift\"; address = \"192.168.1.16\"; senders = [ \"b.c\" ];"
	"  quirks = [ \"no-brackets\", \"empty-helo\", \"odd-dots\", \"bare-lf\" ]; },"
	"{ name = \"plc\"; address = \"192.168.1.14\"; quirks = [ \"bare-lf\" ]; },"
	"{ name = \"old\"; address = \"192.168.1.15\"; auth = \"accept-any-password\"; quirks ="
	"  [ \"no-starttls\", \"no-8bitmime\", \"no-chunking\", \"no-pipelining\","
	"    \"user-name-prompt\", \"auth-equals\" ]; } );";

/* --- one run like the other ------------------------------------------------------------------ */

static uint32_t messages_begun;

void __real_timer_start(struct event *timer, int64_t ms);
void __wrap_timer_start(struct event *timer, int64_t ms);
int64_t __wrap_clock_wall_ms(void);
struct msgid __wrap_msgid_random(void);

/* What is held back for seconds, after a failed login, is not waited for; time-outs stay. */
void __wrap_timer_start(struct event *timer, int64_t ms)
{
	__real_timer_start(timer, ms > 0 && ms <= 10000 ? 1 + ms / 1000 : ms);
}

int64_t __wrap_clock_wall_ms(void)
{
	return 1795359000000;
}

struct msgid __wrap_msgid_random(void)
{
	struct msgid id = { { 0 } };
	messages_begun++;
	memcpy(&id, &messages_begun, sizeof(messages_begun));
	return id;
}

static struct inbound_world *worlds[2];

static void free_worlds(void)
{
	for (size_t i = 0; i < ARRAY_LEN(worlds); i++)
		if (worlds[i] != NULL)
			inbound_world_free(worlds[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_ERROR);
	/* inbound_world's own assertions are findings too. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return atexit(free_worlds);
}

/* Made once: certificates and hashes take their time. */
static struct inbound_world *world(bool tls)
{
	if (worlds[tls] == NULL)
		worlds[tls] =
			tls ? inbound_world_new_tls(config_text) : inbound_world_new(config_text);
	return worlds[tls];
}

static void set_other_side(struct inbound_world *w, unsigned choices)
{
	w->size_limit = (choices & TAKES_LITTLE) != 0 ? SMALL_LIMIT : 1024 * 1024;
	w->pause_every = (choices & PAUSES) != 0 ? 1 : 0;
	w->refuse_begin = (struct inbound_refusal){ 0, "" };
	w->refuse_finish = (struct inbound_refusal){ 0, "" };
	if ((choices & REFUSES_BEGIN) != 0)
		w->refuse_begin = (struct inbound_refusal){ 452, "4.3.1 begin" };
	if ((choices & REFUSES_FINISH) != 0)
		w->refuse_finish = (struct inbound_refusal){ 451, "4.3.0 finish" };
}

/* --- one run --------------------------------------------------------------------------------- */

struct outcome {
	struct strbuf said;
	struct strbuf kept; /* envelopes and contents */
};

static size_t count(struct str text, const char *needle)
{
	size_t n = 0, length = strlen(needle);
	for (size_t i = 0; i + length <= text.n; i++)
		n += memcmp(text.p + i, needle, length) == 0;
	return n;
}

/* Nothing of it could end it early at the next server. */
static void check_message(const struct world_message *m)
{
	struct evbuffer *wire = evbuffer_new();
	struct body_out out;
	fuzz_check_canonical(strbuf_str(&m->content));
	fuzz_check(m->stats.size == m->content.n, "size is that of the content");
	fuzz_check(str_starts(strbuf_str(&m->content), STR("Received: ")), "it has our trace");
	body_out_init(&out);
	fuzz_check(body_out_add(&out, strbuf_str(&m->content), wire), "content is canonical");
	body_out_end(&out, wire);
	struct str bytes = { (const char *)evbuffer_pullup(wire, -1), evbuffer_get_length(wire) };
	fuzz_check(count(bytes, "\r\n.\r\n") == 1, "one message is one message");
	evbuffer_free(wire);
}

/* Content may be unwanted for more than one reason; which is seen first depends on segments. */
static void add_masked(struct strbuf *out, struct str said)
{
	while (said.n != 0) {
		ptrdiff_t end = str_chr(said, '\n');
		struct str line = str_head(said, (size_t)end + 1);
		bool content = str_starts(line, STR("552 ")) || str_starts(line, STR("554 "));
		strbuf_addstr(out, content ? STR("(content refused)\n") : line);
		said = str_skip(said, line.n);
	}
}

static void collect(struct inbound_world *w, const struct world_client *c, struct outcome *o)
{
	add_masked(&o->said, strbuf_str(&c->in));
	for (size_t i = 0; i < w->message_count; i++) {
		check_message(&w->messages[i]);
		envelope_append_json(&o->kept, &w->messages[i].envelope);
		strbuf_addstr(&o->kept, strbuf_str(&w->messages[i].content));
	}
	fuzz_check(!o->said.overflow && !o->kept.overflow, "there is room for all");
}

/* Every 250 for content is a message that is safe, and every message that is safe got its 250. */
static void check_promises(const struct inbound_world *w, const struct world_client *c,
			   struct str stream)
{
	struct str said = strbuf_str(&c->in);
	char *codes = client_codes(c); /* checks the form of each line */
	size_t replies = count(str_of(codes), " ") + 1;
	free(codes);
	fuzz_check(replies <= count(stream, "\n") + 2, "a command has one reply");
	fuzz_check(count(said, "queued as ") == w->message_count, "a 250 is a message kept");
	fuzz_check(w->refuse_finish.code == 0 || w->message_count == 0, "no means no");
	fuzz_check(w->refuse_begin.code == 0 || w->begun == 0, "no means no");
}

/* As client_send(), but quicker: past the client's bufferevent. */
static void send_piece(struct world_client *c, struct str piece)
{
	while (piece.n != 0 && !c->closed) {
		ssize_t n = send(c->fd, piece.p, piece.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return;
		piece = str_skip(piece, n > 0 ? (size_t)n : 0);
		event_base_loop(c->world->base, EVLOOP_NONBLOCK);
	}
}

static void run(struct inbound_world *w, const char *address, struct str stream, unsigned cut,
		bool breaks_off, struct outcome *o)
{
	struct fuzz_cuts cuts;
	struct str rest = stream;
	messages_begun = 0;
	strbuf_init(&o->said, TEXT_MAX);
	strbuf_init(&o->kept, TEXT_MAX);
	fuzz_cuts_init(&cuts, cut);
	struct world_client *c = world_connect(w, address);
	while (rest.n != 0 && !c->closed)
		send_piece(c, fuzz_cut(&cuts, &rest));
	if (breaks_off) {
		client_reset(c);
	} else {
		client_shut(c);
		client_wait_closed(c);
		check_promises(w, c, stream);
	}
	collect(w, c, o);
	client_free(c);
	world_settle(w);
	fuzz_check(w->begun >= w->abandoned + w->message_count, "a message ends once");
	world_clear(w);
}

static void check_equal(const struct strbuf *whole, const struct strbuf *pieces, bool may_end_early,
			const char *promise)
{
	struct str a = strbuf_str(whole), b = strbuf_str(pieces);
	if (may_end_early ? str_starts(a, b) : str_eq(a, b))
		return;
	fprintf(stderr, "--- in one segment:\n%s--- in several:\n%s", strbuf_cstr(whole),
		strbuf_cstr(pieces));
	fuzz_check(false, promise);
}

static void check_same(const struct outcome *whole, const struct outcome *pieces,
		       bool may_end_early)
{
	check_equal(&whole->said, &pieces->said, may_end_early,
		    "segments make no difference to the replies");
	check_equal(&whole->kept, &pieces->kept, may_end_early,
		    "segments make no difference to the messages");
}

static void outcome_done(struct outcome *o)
{
	strbuf_done(&o->said);
	strbuf_done(&o->kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	const char *address = addresses[fuzz_byte(&in) % ARRAY_LEN(addresses)];
	unsigned cut = fuzz_byte(&in), other_side = fuzz_byte(&in);
	bool breaks_off = (other_side & CLIENT_BREAKS_OFF) != 0;
	bool tls = (other_side & OFFERS_TLS) != 0;
	struct inbound_world *w = world(tls);
	struct outcome whole, pieces;
	in = str_head(in, STREAM_MAX);
	set_other_side(w, other_side);
	run(w, address, in, 0, breaks_off, &whole);
	run(w, address, in, cut, breaks_off, &pieces);
	if (!breaks_off && !tls)
		check_same(&whole, &pieces, (other_side & TAKES_LITTLE) != 0);
	outcome_done(&whole);
	outcome_done(&pieces);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_UPSTREAM_FIXTURE_H
#define OAUTHRELAY_TESTS_UPSTREAM_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/attr.h"
#include "common/dial.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "common/tls.h"
#include "common/tls_server.h"
#include "config/config.h"
#include "tests/unit/support/smtp_script.h"
#include "upstream/upstream.h"

/*
 * A session against a scripted server. Every callback writes a line into a log, which is compared
 * with a pattern ("*" stands for anything). A scenario is over when the session has ended or was
 * freed, and the server has done all its steps.
 */

#define STEPS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define RELAY	   "relay.test[127.0.0.1]:587"
#define TOKEN	   "EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"

struct letter {
	const char *from;      /* NULL: the null path */
	const char *const *to; /* STEPS("b@example.com") */
	const char *header;
	const char *const *chunks; /* one for each want_data */
	const char *domain;	   /* of `from`, instead of what is behind its "@" */
	uint64_t size;
	size_t repeat; /* each chunk so often; 0 is once */
	bool eight_bit;
	bool smtputf8;
	enum dsn_ret ret;
	const char *envid;
	const struct dsn_request *dsn; /* of the first recipient */
	bool endless;		       /* the chunks begin anew */
	bool at_once;		       /* the dot comes with the first chunk */
};

enum action {
	ACT_NONE,
	ACT_HOLD, /* content: nothing for now */
	ACT_FREE,
	ACT_QUIT,
	ACT_ABORT,
	ACT_CUT_AND_SEND,
	ACT_STRAY_AND_SEND
};

struct scenario {
	const char *name;
	const char *const *steps;
	const char *log;
	const char *content; /* what the last DATA must have been; NULL: not looked at */
	const char *host;    /* "relay.test" */
	const char *token;
	const struct letter *letters;
	size_t letter_count;
	const char *act_at; /* the first word of a log line */
	enum action action;
	int dial_failure;
	int64_t divide; /* of all time-outs; 0 is 1 */
	bool plain;	/* neither TLS nor AUTH */
	bool auth_in_clear;
	bool stranger; /* the server's certificate is not one that we trust */
	bool drip;
	bool stay; /* do not QUIT when there are no more letters */
};

struct client {
	const struct scenario *scenario;
	struct event_base *base;
	struct smtp_script *script;
	struct upstream *up;
	struct strbuf log;
	size_t next_letter;
	size_t next_chunk;
	struct address from;
	struct address to[8];
	struct upstream_recipient to_list[8];
	uint64_t given; /* bytes of content */
	size_t dots_given;
	bool in_call;
	bool dot_given;
	bool over;
	bool guard;
};

struct tls_files {
	char dir[64];
	SSL_CTX *server;
	SSL_CTX *other_server;
	SSL_CTX *client;
};

static struct tls_files tls_files;

/* --- patterns ------------------------------------------------------------------------------- */

static inline bool like(const char *text, const char *pattern)
{
	const char *star = NULL, *from = text;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* --- messages ------------------------------------------------------------------------------- */

static inline char *copy_part(const char *text, size_t n)
{
	return str_dup((struct str){ text, n });
}

static inline void make_address(struct address *a, const char *text, const char *domain)
{
	const char *at = text != NULL ? strrchr(text, '@') : NULL;
	address_done(a);
	a->local = copy_part(text != NULL ? text : "", at != NULL ? (size_t)(at - text) : 0);
	if (domain == NULL)
		domain = at != NULL ? at + 1 : "";
	a->domain = copy_part(domain, strlen(domain));
}

static inline void on_recipient(void *arg, size_t index, const struct reply *reply);
static inline void on_want_data(void *arg);
static inline void on_finished(void *arg, enum upstream_stage stage, const struct reply *reply,
			       bool uncertain);

static inline void send_letter(struct client *c)
{
	const struct letter *letter = &c->scenario->letters[c->next_letter++];
	struct upstream_message message = {
		.reverse_path = &c->from,
		.recipients = c->to_list,
		.size = letter->size,
		.eight_bit = letter->eight_bit,
		.smtputf8 = letter->smtputf8,
		.ret = letter->ret,
		.envid = letter->envid,
		.header = str_of(letter->header),
	};
	const struct upstream_transaction_events events = {
		.recipient = on_recipient,
		.want_data = on_want_data,
		.finished = on_finished,
		.arg = c,
	};
	make_address(&c->from, letter->from, letter->domain);
	for (size_t i = 0; letter->to[i] != NULL; i++) {
		make_address(&c->to[i], letter->to[i], NULL);
		c->to_list[i] = (struct upstream_recipient){
			.address = &c->to[i],
			.dsn = i == 0 ? letter->dsn : NULL,
		};
		message.recipient_count++;
	}
	c->next_chunk = 0;
	c->dot_given = false;
	c->in_call = true;
	upstream_send(c->up, &message, &events);
	c->in_call = false;
}

/* --- callbacks ------------------------------------------------------------------------------ */

static inline void act(struct client *c)
{
	c->in_call = true;
	switch (c->scenario->action) {
	case ACT_NONE:
	case ACT_HOLD:
		break;
	case ACT_FREE:
		upstream_free(c->up);
		c->up = NULL;
		c->over = true;
		break;
	case ACT_QUIT:
		upstream_quit(c->up);
		break;
	case ACT_ABORT:
		upstream_abort(c->up, "the disk is gone");
		break;
	case ACT_CUT_AND_SEND:
		smtp_script_cut(c->script);
		send_letter(c);
		break;
	case ACT_STRAY_AND_SEND:
		smtp_script_inject(c->script, "250 ok\r\n250 ok\r\n354 go\r\n");
		send_letter(c);
		break;
	}
	c->in_call = false;
}

/* True when the scenario's action was done: the callback does nothing more. */
static inline bool note(struct client *c, const char *event)
{
	const char *at = c->scenario->act_at;
	assert_false(c->in_call);
	assert_non_null(c->up);
	if (at == NULL || strcmp(at, event) != 0)
		return false;
	act(c);
	return true;
}

static inline void add_reply(struct client *c, const struct reply *reply)
{
	if (reply->code > REPLY_LOCAL_FIRST)
		strbuf_addf(&c->log, " %u", reply->code);
	strbuf_addc(&c->log, ' ');
	reply_append(&c->log, reply);
}

static inline void on_connected(void *arg, const char *relay, const char *tls, int64_t took_ms)
{
	struct client *c = arg;
	assert_in_range(took_ms, 0, 60000);
	assert_string_equal(relay, upstream_relay(c->up));
	strbuf_addf(&c->log, "connected %s %s\n", relay, tls);
	note(c, "connected");
}

static inline void on_authenticated(void *arg, const char *relay, int64_t took_ms)
{
	struct client *c = arg;
	assert_in_range(took_ms, 0, 60000);
	assert_string_equal(relay, upstream_relay(c->up));
	strbuf_adds(&c->log, "authenticated\n");
	note(c, "authenticated");
}

static inline void on_ready(void *arg)
{
	struct client *c = arg;
	assert_true(upstream_is_ready(c->up));
	strbuf_adds(&c->log, "ready\n");
	if (note(c, "ready"))
		return;
	if (c->next_letter < c->scenario->letter_count)
		send_letter(c);
	else if (!c->scenario->stay)
		upstream_quit(c->up);
}

static inline void on_ended(void *arg, enum upstream_stage stage, const struct reply *reply)
{
	struct client *c = arg;
	assert_false(upstream_is_ready(c->up));
	assert_false(c->over);
	strbuf_addf(&c->log, "ended %s", upstream_stage_name(stage));
	add_reply(c, reply);
	strbuf_addc(&c->log, '\n');
	c->over = true;
	note(c, "ended");
}

static inline void on_recipient(void *arg, size_t index, const struct reply *reply)
{
	struct client *c = arg;
	strbuf_addf(&c->log, "rcpt %zu", index);
	add_reply(c, reply);
	strbuf_addc(&c->log, '\n');
	note(c, "rcpt");
}

static inline void on_want_data(void *arg)
{
	struct client *c = arg;
	const struct letter *letter = &c->scenario->letters[c->next_letter - 1];
	bool first = c->next_chunk == 0;
	if (first)
		strbuf_adds(&c->log, "want\n");
	if (note(c, first ? "want" : "want-more"))
		return;
	c->in_call = true;
	if (letter->endless && letter->chunks[c->next_chunk] == NULL)
		c->next_chunk = 0;
	if (letter->chunks[c->next_chunk] == NULL) {
		c->dot_given = true;
		c->dots_given++;
		upstream_data_end(c->up);
	} else {
		struct str chunk = str_of(letter->chunks[c->next_chunk++]);
		size_t times = letter->repeat != 0 ? letter->repeat : 1;
		for (size_t i = 0; i < times; i++) {
			c->given += chunk.n;
			if (!upstream_data(c->up, chunk)) {
				strbuf_adds(&c->log, "refused\n");
				break;
			}
		}
	}
	if (letter->at_once) {
		c->dot_given = true;
		c->dots_given++;
		upstream_data_end(c->up);
	}
	c->in_call = false;
}

static inline void on_finished(void *arg, enum upstream_stage stage, const struct reply *reply,
			       bool uncertain)
{
	struct client *c = arg;
	assert_false(upstream_is_ready(c->up));
	strbuf_addf(&c->log, "finished %s", upstream_stage_name(stage));
	add_reply(c, reply);
	strbuf_adds(&c->log, uncertain ? " UNCERTAIN\n" : "\n");
	/* Never uncertain before the dot. */
	assert_true(c->dot_given || !uncertain);
	note(c, "finished");
}

/* --- driver --------------------------------------------------------------------------------- */

static inline void on_guard(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	(void)fd;
	(void)what;
	c->guard = true;
}

static inline void open_session(struct client *c)
{
	static char empty[] = "";
	const struct scenario *sc = c->scenario;
	char *host = copy_part(sc->host != NULL ? sc->host : "relay.test",
			       strlen(sc->host != NULL ? sc->host : "relay.test"));
	struct account_config account = {
		.name = empty,
		.login = copy_part("scanner@contoso.com", 19),
		.host = host,
		.port = 587,
		.tls = sc->plain || sc->auth_in_clear ? UPSTREAM_TLS_NONE : UPSTREAM_TLS_STARTTLS,
		.auth = sc->plain ? UPSTREAM_AUTH_NONE : UPSTREAM_AUTH_XOAUTH2,
	};
	const struct upstream_params params = {
		.base = c->base,
		.dialer = (struct dialer *)c->base,
		.tls = tls_files.client,
		.account = &account,
		.ehlo_name = "client.test",
		.token = str_of(sc->token != NULL ? sc->token : TOKEN),
	};
	const struct upstream_events events = {
		.connected = on_connected,
		.authenticated = on_authenticated,
		.ready = on_ready,
		.ended = on_ended,
		.arg = c,
	};
	c->in_call = true;
	c->up = upstream_new(&params, &events);
	c->in_call = false;
	/* Only what is needed was kept. */
	memset(host, 'x', strlen(host));
	free(host);
	free(account.login);
}

static inline void run_loop(struct client *c)
{
	const struct timeval guard = { .tv_sec = 10 };
	event_base_once(c->base, -1, EV_TIMEOUT, on_guard, c, &guard);
	while (!c->guard && !(c->over && smtp_script_is_done(c->script)))
		event_base_loop(c->base, EVLOOP_ONCE);
	for (int i = 0; i < 10; i++)
		event_base_loop(c->base, EVLOOP_NONBLOCK);
}

static inline void start(struct client *c, const struct scenario *sc)
{
	*c = (struct client){ .scenario = sc };
	strbuf_init(&c->log, 1 << 20);
	c->base = event_base_new();
	assert_non_null(c->base);
	c->script = smtp_script_new(c->base, sc->steps,
				    sc->stranger ? tls_files.other_server : tls_files.server);
	if (sc->drip)
		smtp_script_drip(c->script);
	fake_dial_prepare(sc->dial_failure == 0 ? c->script : NULL, sc->dial_failure,
			  "what dial says");
	fake_time_divide(sc->divide != 0 ? sc->divide : 1);
	open_session(c);
}

static inline void finish(struct client *c)
{
	upstream_free(c->up);
	for (size_t i = 0; i < ARRAY_LEN(c->to); i++)
		address_done(&c->to[i]);
	address_done(&c->from);
	smtp_script_free(c->script);
	event_base_loop(c->base, EVLOOP_NONBLOCK);
	event_base_free(c->base);
	strbuf_done(&c->log);
	fake_time_divide(1);
}

static inline void check(struct client *c)
{
	const struct scenario *sc = c->scenario;
	const char *verdict = smtp_script_verdict(c->script);
	if (verdict != NULL)
		fail_msg("%s: server at %s; log:\n%s", sc->name, verdict, strbuf_cstr(&c->log));
	if (!like(strbuf_cstr(&c->log), sc->log))
		fail_msg("%s: log is\n%s-- and not\n%s", sc->name, strbuf_cstr(&c->log), sc->log);
	size_t n = 0;
	const char *content = smtp_script_content(c->script, &n);
	if (sc->content != NULL && !str_eq((struct str){ content, n }, str_of(sc->content)))
		fail_msg("%s: content is\n%.*s-- and not\n%s", sc->name, (int)n, content,
			 sc->content);
	if (strstr(strbuf_cstr(&c->log), "EwBAAl3BAAUFFpUAo7") != NULL ||
	    strstr(strbuf_cstr(&c->log), "V3QkFBbDNCQUFVRkZwVUFv") != NULL)
		fail_msg("%s: a token in the log:\n%s", sc->name, strbuf_cstr(&c->log));
}

static inline void play(const struct scenario *sc)
{
	struct client c;
	start(&c, sc);
	run_loop(&c);
	check(&c);
	finish(&c);
}

static inline void play_all(const struct scenario *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		play(&list[i]);
}

/* --- certificates --------------------------------------------------------------------------- */

static inline SSL_CTX *make_server(const char *name, char path[2][96])
{
	struct err err;
	snprintf(path[0], 96, "%s/%s.crt", tls_files.dir, name);
	snprintf(path[1], 96, "%s/%s.key", tls_files.dir, name);
	if (!tls_make_self_signed(path[0], path[1], "relay.test", &err))
		fail_msg("%s", err.text);
	const struct tls_server_params params = { .certificate = path[0],
						  .key = path[1],
						  .id = STR("test") };
	SSL_CTX *context = tls_server_context(&params, &err);
	if (context == NULL)
		fail_msg("%s", err.text);
	return context;
}

static inline int make_tls_files(void **state)
{
	char ours[2][96], others[2][96];
	struct err err;
	(void)state;
	/* The daemon ignores it as well. */
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(tls_files.dir, sizeof(tls_files.dir), "/tmp/oauthrelay-upstream-XXXXXX");
	assert_non_null(mkdtemp(tls_files.dir));
	tls_files.server = make_server("ours", ours);
	tls_files.other_server = make_server("other", others);
	tls_files.client = tls_client_context(ours[0], &err);
	assert_non_null(tls_files.client);
	for (int i = 0; i < 2; i++) {
		unlink(ours[i]);
		unlink(others[i]);
	}
	return rmdir(tls_files.dir);
}

static inline int free_tls_files(void **state)
{
	(void)state;
	SSL_CTX_free(tls_files.server);
	SSL_CTX_free(tls_files.other_server);
	SSL_CTX_free(tls_files.client);
	return 0;
}

#endif

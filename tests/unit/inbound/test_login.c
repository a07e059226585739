/* SPDX-License-Identifier: MIT */
/* WRAP: event_add */
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/fsx.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/worker.h"
#include "inbound/server.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"
#include "tests/unit/support/smtp_script.h"
#include "tests/unit/support/world_client.h"

/* 192.168.1.9 has the requirement none, 192.168.2.9 any password, 192.168.9.9 a real one, which it
 * may send in clear text. */
#define DEVICES                                                                                        \
	"devices = ( { name = \"erp\"; address = \"192.168.2.9\"; auth = \"accept-any-password\"; },"  \
	" { name = \"nas\"; address = \"192.168.9.9\"; auth = \"required\"; cleartext_auth = true; }," \
	" { name = \"ups\"; address = \"192.168.9.8\"; auth = \"required\"; } );"

#define HI	     "EHLO x\r\n"
#define USER	     "VXNlcm5hbWU6"
#define PASS	     "UGFzc3dvcmQ6"
#define PLAIN_ANNA   "AGFubmEAczNjcmV0" /* NUL anna NUL s3cret */
#define LOGIN_ANNA   "YW5uYQ=="
#define LOGIN_SECRET "czNjcmV0"

static struct world_client *greeted(struct inbound_world *w, const char *address)
{
	struct world_client *c = world_connect(w, address);
	client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
	return c;
}

static void good_logins(void **state)
{
	static const char *const steps[][3] = {
		{ "AUTH PLAIN " PLAIN_ANNA "\r\n", NULL, NULL },
		{ "auth plain " PLAIN_ANNA "\r\n", NULL, NULL },
		{ "AUTH PLAIN\r\n", PLAIN_ANNA "\r\n", NULL },
		{ "AUTH LOGIN\r\n", LOGIN_ANNA "\r\n", LOGIN_SECRET "\r\n" },
		{ "AUTH LOGIN " LOGIN_ANNA "\r\n", LOGIN_SECRET "\r\n", NULL },
		/* authzid equal to authcid */
		{ "AUTH PLAIN YW5uYQBhbm5hAHMzY3JldA==\r\n", NULL, NULL },
	};
	static const char *const prompts[][2] = {
		{ NULL, NULL },
		{ NULL, NULL },
		{ "334 \r\n", NULL },
		{ "334 " USER "\r\n", "334 " PASS "\r\n" },
		{ "334 " PASS "\r\n", NULL },
		{ NULL, NULL },
	};
	static const size_t pieces[] = { SIZE_MAX, 1 };
	struct inbound_world *w = inbound_world_new(DEVICES);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps) * 2; i++) {
		const char *const *step = steps[i / 2];
		struct world_client *c = greeted(w, "192.168.9.9");
		client_ask(c, "MAIL FROM:<>\r\n", "530 5.7.0 Authentication required\r\n");
		for (size_t k = 0; k < 3 && step[k] != NULL; k++) {
			client_send(c, str_of(step[k]), pieces[i % 2]);
			client_wait(c, k < 2 && prompts[i / 2][k] != NULL
					       ? prompts[i / 2][k]
					       : "235 2.7.0 Authentication successful\r\n");
		}
		/* AUT-06: once is enough, RSET and EHLO change nothing. */
		client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "503 5.5.1 ");
		client_ask(c, "RSET\r\nAUTH LOGIN\r\n", "503 5.5.1 ");
		client_ask(c, HI "AUTH LOGIN\r\n", "503 5.5.1 ");
		client_ask(c, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n", "250 2.0.0 OK");
		const struct world_message *m = &w->messages[w->message_count - 1];
		assert_string_equal(m->envelope.user, "anna");
		assert_non_null(strstr(strbuf_cstr(&m->content), " with ESMTPA id "));
		client_free(c);
	}
	inbound_world_free(w);
}

/* AUT-13 */
static void odd_user_and_password(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct world_client *c = greeted(w, "192.168.9.9");
	char *text = world_base64(STR("\0b%c\0p:\"\\%s"));
	char line[128];
	(void)state;
	snprintf(line, sizeof(line), "AUTH PLAIN %s\r\n", text);
	client_ask(c, line, "235 2.7.0");
	free(text);
	client_free(c);
	inbound_world_free(w);
}

struct bad_row {
	const char *line; /* behind "AUTH " */
	const char *reply;
};

static const struct bad_row bad_rows[] = {
	/* AUT-02 */
	{ "PLAIN !!!!", "501 5.5.2 " },
	{ "PLAIN QQ", "501 5.5.2 " },
	{ "PLAIN A", "501 5.5.2 " },
	{ "PLAIN ====", "501 5.5.2 " },
	{ "PLAIN AA=A", "501 5.5.2 " },
	{ "PLAIN AGFubmEAczNjcmV0=", "501 5.5.2 " },
	{ "PLAIN AGFubmEAczNjcmV_", "501 5.5.2 " },
	{ "PLAIN AGFubmEA-zNjcmV0", "501 5.5.2 " },
	{ "LOGIN !", "501 5.5.2 " },
	/* AUT-03 */
	{ "PLAIN YW5uYQ==", "501 5.5.2 " },		/* no NUL */
	{ "PLAIN AGFubmE=", "501 5.5.2 " },		/* one NUL */
	{ "PLAIN AGFubmEAczNjcmV0AA==", "501 5.5.2 " }, /* three */
	{ "PLAIN AGEKYgBj", "501 5.5.2 " },		/* LF in the name */
	{ "PLAIN AGEBYgBj", "501 5.5.2 " },		/* ^A in the name */
	{ "LOGIN YQBi", "501 5.5.2 " },			/* NUL in the name */
	/* AUT-04 */
	{ "FOO", "504 5.5.4 " },
	{ "CRAM-MD5", "504 5.5.4 " },
	{ "XOAUTH2 abc", "504 5.5.4 " },
	{ "PLAIN a b", "501 5.5.4 " },
	{ "PLAIN =", "501 5.5.2 " },
	{ "", "501 5.5.4 " },
};

static void bad_login_lines(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES "limits = { errors = 100; };");
	struct world_client *c = greeted(w, "192.168.9.9");
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		char line[128];
		snprintf(line, sizeof(line), "AUTH %s\r\n", bad_rows[i].line);
		client_ask(c, line, bad_rows[i].reply);
	}
	/* AUT-01, AUT-08: after all that, a login works. */
	client_ask(c, "AUTH PLAIN\r\n", "334 \r\n");
	client_ask(c, "*\r\n", "501 5.7.0 Authentication cancelled\r\n");
	client_ask(c, "AUTH LOGIN\r\n", "334 " USER "\r\n");
	client_ask(c, "*\r\n", "501 5.7.0 ");
	client_ask(c, "AUTH LOGIN\r\n", "334 " USER "\r\n");
	client_ask(c, LOGIN_ANNA "\r\n", "334 " PASS "\r\n");
	client_ask(c, "*\r\n", "501 5.7.0 ");
	client_ask(c, "AUTH PLAIN\r\n", "334 \r\n");
	client_ask(c, "not base64\r\n", "501 5.5.2 ");
	client_ask(c, "NOOP\r\n", "250 2.0.0");
	client_ask(c, "AUTH LOGIN\r\n", "334 " USER "\r\n");
	client_ask(c, LOGIN_ANNA "\r\n", "334 " PASS "\r\n");
	client_ask(c, LOGIN_SECRET "\r\n", "235 2.7.0 ");
	client_free(c);
	inbound_world_free(w);
}

/* AUT-14: 12288 bytes are taken, one more is not; elsewhere the limit is the common one. */
static void aut_14_long_lines(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct strbuf line;
	(void)state;
	strbuf_init(&line, 16 * 1024);
	for (size_t extra = 0; extra < 2; extra++) {
		struct world_client *c = greeted(w, "192.168.1.9");
		strbuf_reset(&line);
		while (line.n < 12288 + extra)
			strbuf_addc(&line, 'A');
		strbuf_adds(&line, "\r\n");
		client_ask(c, "AUTH LOGIN\r\n", "334 " USER "\r\n");
		/* Its 9216 bytes are NULs, so it is long enough, but no name. */
		client_ask(c, strbuf_cstr(&line),
			   extra == 0 ? "501 5.5.2 Cannot decode: not as"
				      : "500 5.5.2 Line too long");
		client_ask(c, "NOOP\r\n", "250 2.0.0");
		strbuf_reset(&line);
		strbuf_adds(&line, "AUTH PLAIN ");
		while (line.n < 12288 + extra)
			strbuf_addc(&line, 'A');
		strbuf_adds(&line, "\r\n");
		client_ask(c, strbuf_cstr(&line), extra == 0 ? "501 5.5.2 " : "500 5.5.2 ");
		client_ask(c, "NOOP\r\n", "250 2.0.0");
		client_free(c);
	}
	strbuf_done(&line);
	inbound_world_free(w);
}

/* AUT-10: 1 s, 2 s, then the door; a wrong password, an unknown user, and acting for another. */
static void aut_10_failures_are_slow(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct world_client *c = greeted(w, "192.168.9.9");
	(void)state;
	fake_time_divide(50);
	fake_time_longest_ms();
	client_ask(c, "AUTH LOGIN\r\n", "334 ");
	client_ask(c, LOGIN_ANNA "\r\n", "334 ");
	client_say(c, "d3Jvbmc=\r\n");
	client_wait(c, "535 5.7.8 Authentication failed: wrong user name or password\r\n");
	/* Pipelined behind a failure: it waits, too. */
	client_say(c, "AUTH PLAIN AG5vYm9keQB3cm9uZw==\r\nNOOP\r\n");
	client_wait(c, "535 5.7.8 ");
	client_wait(c, "250 2.0.0");
	client_say(c, "AUTH PLAIN cm9vdABhbm5hAHMzY3JldA==\r\n");
	client_wait(c, "421 4.7.0 Too many failed logins\r\n");
	client_wait_closed(c);
	fake_time_divide(1);
	client_free(c);
	inbound_world_free(w);
}

/* The delay before each answer, as set. */
static void delays_grow(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { command_timeout = \"500ms\"; };");
	struct world_client *c = greeted(w, "192.168.9.9");
	(void)state;
	fake_time_divide(1);
	fake_time_longest_ms();
	client_say(c, "AUTH PLAIN AG5vYm9keQB3cm9uZw==\r\n");
	while (fake_time_longest_ms() != 1000)
		event_base_loop(w->base, EVLOOP_ONCE);
	assert_null(strstr(strbuf_cstr(&c->in), "535"));
	client_wait(c, "535 5.7.8 ");
	client_free(c);
	inbound_world_free(w);
}

/* Nor does a stop wait for it: ten seconds are longer than a stop may take. */
static void a_stop_does_not_wait_for_an_answer_held_back(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct world_client *c = greeted(w, "192.168.9.9");
	(void)state;
	fake_time_longest_ms();
	client_say(c, "AUTH PLAIN AG5vYm9keQB3cm9uZw==\r\n");
	while (fake_time_longest_ms() != 1000)
		event_base_loop(w->base, EVLOOP_ONCE);
	inbound_drain(w->in);
	client_wait(c, "421 4.3.2 relay.contoso.com is shutting down\r\n");
	client_wait_closed(c);
	assert_null(strstr(strbuf_cstr(&c->in), "535"));
	client_free(c);
	inbound_world_free(w);
}

/* A user of one network, at another: as a wrong password. */
static void not_from_this_address(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"devices = ( { name = \"a\"; address = \"10.9.0.0/16\"; auth = \"required\";"
		" cleartext_auth = true; }, { name = \"b\"; address = \"10.8.0.0/16\";"
		" auth = \"required\"; cleartext_auth = true; } );");
	static const char carl[] = "AUTH PLAIN AGNhcmwAczNjcmV0\r\n";
	(void)state;
	fake_time_divide(100);
	struct world_client *c = greeted(w, "10.8.0.1");
	client_ask(c, carl, "535 5.7.8 ");
	client_free(c);
	c = greeted(w, "10.9.0.1");
	client_ask(c, carl, "235 ");
	client_free(c);
	c = greeted(w, "10.8.0.1");
	client_ask(c, carl, "535 5.7.8 ");
	client_free(c);
	fake_time_divide(1);
	inbound_world_free(w);
}

/* limits.auth_line */
static void the_longest_login_line(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { auth_line = 20000; line_length = 1000; };");
	struct strbuf line;
	(void)state;
	strbuf_init(&line, 64 * 1024);
	for (size_t extra = 0; extra < 2; extra++) {
		struct world_client *c = greeted(w, "192.168.1.9");
		strbuf_reset(&line);
		while (line.n < 20000 + 4 * extra)
			strbuf_adds(&line, "QUFB");
		strbuf_adds(&line, "\r\n");
		client_ask(c, "AUTH LOGIN YQ==\r\n", "334 " PASS);
		client_ask(c, strbuf_cstr(&line), extra == 0 ? "235 2.7.0 " : "500 5.5.2 ");
		client_free(c);
	}
	strbuf_done(&line);
	inbound_world_free(w);
}

static void quirks_of_login(void **state)
{
	struct inbound_world *w =
		inbound_world_new("devices = ( { name = \"old\"; address = \"192.168.3.9\";"
				  " quirks = [ \"user-name-prompt\", \"auth-equals\" ]; } );");
	(void)state;
	struct world_client *c = world_connect(w, "192.168.3.9");
	client_ask(c, HI, "AUTH PLAIN LOGIN\r\n");
	assert_non_null(strstr(strbuf_cstr(&c->in), "AUTH=PLAIN LOGIN\r\n"));
	client_ask(c, "AUTH LOGIN\r\n", "334 VXNlciBOYW1lAA==\r\n");
	client_ask(c, "YQ==\r\n", "334 UGFzc3dvcmQA\r\n");
	client_ask(c, "YQ==\r\n", "235 2.7.0 ");
	client_free(c);
	c = greeted(w, "192.168.1.9");
	assert_null(strstr(strbuf_cstr(&c->in), "AUTH="));
	/* It is said, not taken. */
	client_ask(c, "AUTH=LOGIN\r\n", "500 5.5.1 ");
	client_free(c);
	inbound_world_free(w);
}

static void any_password(void **state)
{
	static const char *const lines[] = {
		"AUTH PLAIN AGEAYg==\r\n",				  /* a, b */
		"AUTH PLAIN AAA=\r\n",					  /* both empty */
		"AUTH LOGIN =\r\n\r\n",					  /* both empty */
		"AUTH LOGIN\r\n\r\n\r\n",      "AUTH PLAIN eABhAGI=\r\n", /* for somebody else */
		"AUTH LOGIN YQ==\r\n/w==\r\n",
	};
	struct inbound_world *w = inbound_world_new(DEVICES);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct world_client *c = greeted(w, "192.168.1.9");
		client_ask(c, lines[i], "235 2.7.0 ");
		client_ask(c, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n", "250 2.0.0 OK");
		/* A name whose password nobody has checked is no user. */
		assert_null(w->messages[w->message_count - 1].envelope.user);
		client_free(c);
		c = greeted(w, "192.168.2.9");
		client_ask(c, "MAIL FROM:<>\r\n", "530 5.7.0 ");
		client_ask(c, lines[i], "235 2.7.0 ");
		client_ask(c, "MAIL FROM:<>\r\n", "250 2.1.0");
		client_free(c);
	}
	struct world_client *c = greeted(w, "192.168.1.9");
	client_ask(c, "MAIL FROM:<>\r\n", "250 2.1.0");
	client_free(c);
	inbound_world_free(w);
}

/* AUT-05: where TLS is a must, no password is asked for before it. */
static void aut_05_not_in_clear_text(void **state)
{
	static const char *const addresses[] = { "192.168.9.8", "192.168.1.9", "10.0.0.1" };
	struct inbound_world *w = inbound_world_new_tls(DEVICES);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		w->listener.auth = i != 0 ? AUTH_RULE_REQUIRED : AUTH_RULE_NONE;
		struct world_client *c = world_connect(w, addresses[i]);
		client_ask(c, HI, "250 STARTTLS\r\n");
		assert_null(strstr(strbuf_cstr(&c->in), "AUTH"));
		client_ask(c, "AUTH LOGIN\r\n",
			   "538 5.7.11 Encryption required: send STARTTLS first\r\n");
		client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "538 5.7.11 ");
		client_ask(c, "MAIL FROM:<>\r\n",
			   "530 5.7.0 Authentication required: send STARTTLS, then log in\r\n");
		client_ask(c, "STARTTLS\r\n", "220 2.0.0 ");
		assert_true(client_handshake(c));
		client_ask(c, HI, "250 AUTH PLAIN LOGIN\r\n");
		client_ask(c, "MAIL FROM:<>\r\n", "530 5.7.0 Authentication required\r\n");
		client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "235 2.7.0 ");
		client_ask(c, "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n", "250 2.0.0 OK");
		const struct world_message *m = &w->messages[w->message_count - 1];
		assert_non_null(strstr(strbuf_cstr(&m->content), " with ESMTPSA id "));
		client_free(c);
	}
	inbound_world_free(w);
}

/* AUT-09: gone at every step, a check under way included. */
static void aut_09_vanishing(void **state)
{
	static const char *const lines[] = { "AUTH LOGIN\r\n", LOGIN_ANNA "\r\n", "d3Jvbmc=\r\n" };
	struct inbound_world *w = inbound_world_new(DEVICES);
	(void)state;
	for (size_t steps = 1; steps <= ARRAY_LEN(lines); steps++) {
		for (unsigned how = 0; how < 2; how++) {
			struct world_client *c = greeted(w, "192.168.9.9");
			for (size_t i = 0; i < steps; i++)
				client_say(c, lines[i]);
			if (how == 0)
				client_reset(c);
			client_free(c);
		}
	}
	/* And the server's end comes before the check's. */
	struct world_client *c = greeted(w, "192.168.9.9");
	client_say(c, "AUTH PLAIN " PLAIN_ANNA "\r\n");
	inbound_free(w->in);
	w->in = NULL;
	client_free(c);
	inbound_world_free(w);
}

/* The crypto lane is full: not a wrong password. */
static void blocked(struct job *job)
{
	(void)job;
	usleep(300 * 1000); /* the lane's thread, which stands for slow hashing */
}

static void unblocked(struct job *job)
{
	(void)job;
}

static void full_lane(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES);
	unsigned slots = worker_default_limits[LANE_CRYPTO].slots;
	struct job *jobs = mem_zalloc(slots * sizeof(*jobs));
	(void)state;
	struct world_client *c = greeted(w, "192.168.9.9");
	for (unsigned i = 0; i < slots; i++) {
		jobs[i].run = i < 2 ? blocked : unblocked;
		jobs[i].done = unblocked;
		assert_true(worker_try_submit(w->worker, LANE_CRYPTO, &jobs[i]));
	}
	client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "454 4.7.0 Too many logins at once");
	while (worker_pending(w->worker) != 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "235 2.7.0 ");
	client_free(c);
	/* A login that is remembered needs no lane; others do. */
	for (unsigned i = 0; i < slots; i++)
		assert_true(worker_try_submit(w->worker, LANE_CRYPTO, &jobs[i]));
	c = greeted(w, "192.168.9.9");
	client_ask(c, "AUTH PLAIN AGFubmEAd3Jvbmc=\r\n", "454 4.7.0 Too many logins at once");
	client_ask(c, "AUTH PLAIN " PLAIN_ANNA "\r\n", "235 2.7.0 ");
	client_free(c);
	while (worker_pending(w->worker) != 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	inbound_world_free(w);
	free(jobs);
}

/* AUT-11, T5: whatever a client does with it, no password gets into the log. */
static void no_password_in_the_log(void **state)
{
	static const char *const dialogues[] = {
		/* pipelined, then mail */
		HI "AUTH LOGIN\r\nY2FuYXJ5dXNlcg==\r\nY2FuYXJ5cGFzcw==\r\nNOOP\r\n",
		/* the password where a command should be */
		HI "Y2FuYXJ5cGFzcw==\r\ncanarypass\r\nNOOP canarypass\r\n",
		HI "AUTH PLAIN Y2FuYXJ5cGFzcw\r\nAUTH canarypass\r\nAUTH PLAIN canarypass x\r\n",
		HI "AUTH LOGIN canarypass\r\nAUTH PLAIN\r\ncanarypass\r\n",
	};
	struct inbound_world *w = inbound_world_new(DEVICES);
	struct strbuf log;
	struct err err;
	char path[128];
	(void)state;
	snprintf(path, sizeof(path), "%s/log", w->dir);
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int old = dup(STDERR_FILENO);
	assert_true(file >= 0 && old >= 0);
	dup2(file, STDERR_FILENO);
	log_set_level(LOG_LEVEL_DEBUG);
	fake_time_divide(100);
	for (size_t i = 0; i < ARRAY_LEN(dialogues); i++)
		for (unsigned k = 0; k < 2; k++) {
			struct world_client *c = greeted(w, k == 0 ? "192.168.9.9" : "192.168.1.9");
			client_say(c, dialogues[i]);
			client_shut(c);
			client_wait_closed(c);
			client_free(c);
		}
	fake_time_divide(1);
	log_set_level(LOG_LEVEL_INFO);
	dup2(old, STDERR_FILENO);
	close(old);
	close(file);
	strbuf_init(&log, 1024 * 1024);
	assert_true(fsx_read_file(path, &log, &err));
	unlink(path);
	assert_true(str_icontains(strbuf_str(&log), STR("refused in=")) >= 0);
	assert_true(str_icontains(strbuf_str(&log), STR("canarypass")) < 0);
	assert_true(str_icontains(strbuf_str(&log), STR("Y2FuYXJ5")) < 0);
	strbuf_done(&log);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_logins),
		cmocka_unit_test(odd_user_and_password),
		cmocka_unit_test(bad_login_lines),
		cmocka_unit_test(aut_14_long_lines),
		cmocka_unit_test(aut_10_failures_are_slow),
		cmocka_unit_test(delays_grow),
		cmocka_unit_test(a_stop_does_not_wait_for_an_answer_held_back),
		cmocka_unit_test(not_from_this_address),
		cmocka_unit_test(the_longest_login_line),
		cmocka_unit_test(quirks_of_login),
		cmocka_unit_test(any_password),
		cmocka_unit_test(aut_05_not_in_clear_text),
		cmocka_unit_test(aut_09_vanishing),
		cmocka_unit_test(full_lane),
		cmocka_unit_test(no_password_in_the_log),
	};
	return cmocka_run_group_tests_name("inbound/login", tests, NULL, NULL);
}

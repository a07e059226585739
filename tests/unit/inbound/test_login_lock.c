/* SPDX-License-Identifier: MIT */
/* WRAP: event_add */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/smtp_script.h"
#include "tests/unit/support/world_client.h"

/* Sessions that fail to log in, and what becomes of those after them. */

/* 192.168.2.9 has the requirement any password; 192.168.9.0/24 a real one, in clear text. */
#define DEVICES                                                                                       \
	"devices = ( { name = \"erp\"; address = \"192.168.2.9\"; auth = \"accept-any-password\"; }," \
	" { name = \"nas\"; address = \"192.168.9.0/24\"; auth = \"required\"; cleartext_auth = true; } );"
#define LOGIN_ANNA   "YW5uYQ=="
#define LOGIN_SECRET "czNjcmV0"

static struct world_client *greeted(struct inbound_world *w, const char *address)
{
	struct world_client *c = world_connect(w, address);
	client_ask(c, "EHLO x\r\n", "250 AUTH PLAIN LOGIN\r\n");
	return c;
}

/* limits.failed_logins */
static void failures_in_a_session(void **state)
{
	struct inbound_world *w = inbound_world_new(DEVICES "limits = { failed_logins = 1; };");
	struct world_client *c = greeted(w, "192.168.9.9");
	(void)state;
	fake_time_divide(100);
	client_ask(c, "AUTH PLAIN AG5vYm9keQB3cm9uZw==\r\n",
		   "421 4.7.0 Too many failed logins\r\n");
	client_wait_closed(c);
	fake_time_divide(1);
	client_free(c);
	inbound_world_free(w);
}

#define WRONG  "AUTH PLAIN AGFubmEAd3Jvbmc=\r\n" /* anna, wrong */
#define RIGHT  "AUTH PLAIN AGFubmEAczNjcmV0\r\n" /* anna, s3cret */
#define LOCKED "454 4.7.0 Too many failed logins, try again in 1h\r\n"

static void fail_once(struct inbound_world *w, const char *address, const char *login)
{
	struct world_client *c = greeted(w, address);
	client_ask(c, login, "535 5.7.8 ");
	client_free(c);
}

/* limits.lock_after: the address is not even asked for a password. */
static void an_address_is_locked(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { lock_after = 2; lock_time = \"1h\"; };");
	(void)state;
	fake_time_divide(100);
	fail_once(w, "192.168.9.9", "AUTH PLAIN AHgAeA==\r\n");
	fail_once(w, "192.168.9.9", "AUTH PLAIN AHkAeA==\r\n");
	struct world_client *c = greeted(w, "192.168.9.9");
	client_ask(c, "AUTH LOGIN\r\n", LOCKED);
	client_ask(c, RIGHT, LOCKED);
	client_ask(c, "MAIL FROM:<>\r\n", "530 5.7.0 ");
	client_ask(c, RIGHT, "421 4.7.0 Too many failed logins\r\n");
	client_wait_closed(c);
	client_free(c);
	fake_time_divide(1);
	inbound_world_free(w);
}

/* A user is locked wherever he comes from, but for an address that has always come. */
static void a_user_is_locked(void **state)
{
	struct inbound_world *w =
		inbound_world_new("devices = ( { name = \"nas\"; address = \"192.168.9.0/24\";"
				  " auth = \"required\"; cleartext_auth = true; } );"
				  "limits = { lock_after = 2; lock_time = \"1h\"; };");
	static const char *const lines[] = { WRONG, "AUTH PLAIN AHgAeA==\r\n" };
	(void)state;
	fake_time_divide(100);
	struct world_client *c = greeted(w, "192.168.9.1");
	client_ask(c, RIGHT, "235 ");
	client_free(c);
	/* Anna, and x, who does not exist, hear the same. */
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char from[2][16];
		snprintf(from[0], sizeof(from[0]), "192.168.9.1%zu", i);
		snprintf(from[1], sizeof(from[1]), "192.168.9.2%zu", i);
		fail_once(w, from[0], lines[i]);
		fail_once(w, from[1], lines[i]);
		c = greeted(w, "192.168.9.3");
		client_ask(c, lines[i], LOCKED);
		client_ask(c, "NOOP\r\n", "250 ");
		client_free(c);
	}
	c = greeted(w, "192.168.9.3");
	client_ask(c, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6");
	client_ask(c, LOGIN_ANNA "\r\n", "334 UGFzc3dvcmQ6");
	client_ask(c, LOGIN_SECRET "\r\n", LOCKED);
	client_free(c);
	c = greeted(w, "192.168.9.1");
	client_ask(c, WRONG, LOCKED);
	client_ask(c, RIGHT, "235 ");
	client_free(c);
	fake_time_divide(1);
	inbound_world_free(w);
}

/* limits.lock_time */
static void a_lock_ends(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { lock_after = 1; lock_time = \"100ms\"; };");
	(void)state;
	fake_time_divide(1000);
	fail_once(w, "192.168.9.9", WRONG);
	fake_time_divide(1);
	int64_t start = clock_mono_ms();
	bool in = false;
	while (!in && clock_mono_ms() - start < 5000) {
		struct world_client *c = greeted(w, "192.168.9.9");
		client_ask(c, RIGHT, " ");
		in = strstr(strbuf_cstr(&c->in), "235 2.7.0 ") != NULL;
		assert_true(in || strstr(strbuf_cstr(&c->in), ", try again in 1s\r\n") != NULL);
		client_free(c);
	}
	assert_true(in);
	inbound_world_free(w);
}

/* Tries that are under way when the lock falls tell nothing. */
static void many_tries_at_once(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { lock_after = 1; lock_time = \"1h\"; };");
	struct world_client *c[3];
	unsigned locked = 0;
	(void)state;
	fake_time_divide(100);
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		c[i] = greeted(w, "192.168.9.9");
	client_say(c[0], WRONG);
	client_say(c[1], RIGHT);
	client_say(c[2], WRONG);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		client_say(c[i], "NOOP\r\n");
		client_wait(c[i], "250 2.0.0");
		locked += strstr(strbuf_cstr(&c[i]->in), LOCKED) != NULL;
		client_free(c[i]);
	}
	/* At most one was right before it, and exactly one failed. */
	assert_true(locked >= 1);
	fake_time_divide(1);
	inbound_world_free(w);
}

/* A login that any password gives never counts. */
static void any_password_is_never_locked(void **state)
{
	struct inbound_world *w =
		inbound_world_new(DEVICES "limits = { lock_after = 1; lock_time = \"1h\"; };");
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct world_client *c = greeted(w, "192.168.2.9");
		client_ask(c, WRONG, "235 ");
		client_free(c);
	}
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_in_a_session),
		cmocka_unit_test(an_address_is_locked),
		cmocka_unit_test(a_user_is_locked),
		cmocka_unit_test(a_lock_ends),
		cmocka_unit_test(many_tries_at_once),
		cmocka_unit_test(any_password_is_never_locked),
	};
	return cmocka_run_group_tests_name("inbound/login_lock", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free */
#include "tests/unit/oauth/keep_world.h"

/* What administrators order: signing in, new secrets, new certificates. */

static struct credential new_secret(const char *value)
{
	struct credential credential = { .kind = CREDENTIAL_SECRET, .added_ms = 1 };
	snprintf(credential.label, sizeof(credential.label), "secret added 2026-11-22");
	secret_set(&credential.secret, str_of(value));
	return credential;
}

static struct order_end add(struct fixture *f, struct credential credential)
{
	struct order_end end = { 0 };
	token_add_credential(f->token, &credential, on_order, &end);
	assert_null(credential.secret.p); /* taken over */
	settle(f);
	return end;
}

/* ---- signing in ---- */

static void test_sign_in(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	struct waiter waiter = { 0 };
	sign_in(f, "one", "refresh-one", &end); /* before the record is loaded */
	turn(f);
	assert_int_equal(end.times, 0);
	assert_true(fake_step(&fake));
	turn(f);
	assert_string_equal(f->what, "signed in");
	expect_token(f, "one"); /* at once */
	assert_int_equal(end.times, 0);
	settle(f); /* durable */
	assert_int_equal(end.times, 1);
	assert_true(end.done);
	struct token_status status = status_of(f);
	assert_true(status.signed_in);
	assert_int_equal(status.signed_in_ms, now_ms + wall_offset_ms);
	restart(f, 1000, true);
	token_get(f->token, on_token, &waiter);
	settle(f);
	assert_string_equal(waiter.token, "one");
	assert_int_equal(net.started, 0);
}

/* The old sign-in's request is under way, and would bring its token. */
static void test_sign_in_during_a_refresh(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	begin_signed_in(f);
	token_probe(f->token);
	sign_in(f, "two", "refresh-two", &end);
	settle(f);
	assert_int_equal(net.cancelled, 1);
	assert_true(end.done);
	expect_token(f, "two");
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh-two"));
	grant(f, "three", 3600);
}

static void test_sign_in_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	begin_signed_in(f);
	fake.broken = true;
	sign_in(f, "two", "refresh-two", &end);
	settle(f);
	assert_int_equal(end.times, 1);
	assert_string_equal(end.failure.code, "not-stored");
	assert_non_null(strstr(end.failure.text.text, "No space left"));
	expect_token(f, "two");
	/* The old one was replaced by a person: it is not used any more. */
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh-two"));
	grant(f, "three", 3600);
	fake.broken = false;
	pass(f, 1000);
	settle(f);
	restart(f, 1000, true);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh-two"));
	grant(f, "four", 3600);
}

static void test_sign_in_that_cannot_last(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	begin_signed_in(f);
	sign_in(f, "two", "", &end);
	settle(f);
	assert_string_equal(end.failure.code, "no-refresh-token");
	assert_non_null(strstr(end.failure.remedy.text, "offline_access"));
	expect_token(f, "one");
}

static void test_sign_in_where_nobody_does(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	sign_in(f, "two", "r", &end);
	settle(f);
	assert_string_equal(end.failure.code, "no-sign-in");
	expect_state(f, TOKEN_EMPTY);
}

/* ---- a new secret ---- */

static void test_a_new_secret(void **state)
{
	struct fixture *f = *state;
	struct credential secret = new_secret("better");
	struct order_end end = { 0 };
	settle(f);
	begin_valid(f);
	settle(f);
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	/* Proven with it alone, while the old token goes on. */
	assert_non_null(strstr(net.body, "client_secret=better"));
	expect_token(f, "one");
	grant(f, "two", 3600);
	assert_string_equal(f->what, "secret added");
	assert_string_equal(f->credential, "secret added 2026-11-22");
	assert_int_equal(end.times, 0); /* not durable yet */
	settle(f);
	assert_true(end.done);
	expect_token(f, "two");
	struct token_status status = status_of(f);
	assert_int_equal(status.credentials->n, 2);
	assert_string_equal(status.credentials->v[0].label, "secret added 2026-11-22");
	assert_string_equal(status.credentials->v[1].label, "client secret");
	assert_string_equal(status.serving, "secret added 2026-11-22");
	/* After a restart as well, and the old one behind it. */
	restart(f, 7200000, true);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "client_secret=better"));
	refuse(f, 401, wrong_secret, -1);
	assert_non_null(strstr(net.body, "client_secret=s3cret"));
	grant(f, "three", 3600);
}

static void test_a_wrong_secret(void **state)
{
	struct fixture *f = *state;
	struct credential secret = new_secret("wrong");
	struct order_end end = { 0 };
	settle(f);
	begin_valid(f);
	settle(f);
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	refuse(f, 401, wrong_secret, -1);
	settle(f);
	assert_int_equal(end.times, 1);
	assert_string_equal(end.failure.code, "AADSTS7000215");
	/* It never happened. */
	expect_state(f, TOKEN_VALID);
	expect_token(f, "one");
	assert_int_equal(f->failed, 0);
	assert_int_equal(f->refused, 0);
	assert_int_equal(status_of(f).credentials->n, 1);
}

/* The account is held for its secret: the new one ends that. Meanwhile nobody else asks. */
static void test_a_new_secret_ends_a_hold(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	struct credential secret = new_secret("better");
	struct order_end end = { 0 };
	settle(f);
	token_get(f->token, on_token, &waiter);
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	assert_int_equal(net.started, 1); /* the waiter's comes first */
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(waiter.times, 1);
	assert_non_null(strstr(net.body, "client_secret=better"));
	expect_state(f, TOKEN_HELD);
	token_probe(f->token); /* the attempt is taken: it has to wait */
	grant(f, "one", 3600);
	settle(f);
	expect_token(f, "one");
	assert_int_equal(net.started, 2); /* and is not needed any more */
	assert_true(end.done);
}

/* A waiter that comes during a proof gets its token, or an attempt of its own when it fails. */
static void test_waiters_during_a_proof(void **state)
{
	struct fixture *f = *state;
	struct waiter waiter = { 0 };
	struct credential secret = new_secret("wrong");
	settle(f);
	token_add_credential(f->token, &secret, on_order, &(struct order_end){ 0 });
	turn(f);
	token_get(f->token, on_token, &waiter);
	turn(f);
	assert_int_equal(net.started, 1);
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(waiter.times, 0);
	assert_non_null(strstr(net.body, "client_secret=s3cret"));
	grant(f, "one", 3600);
	assert_string_equal(waiter.token, "one");
}

static void test_cancelled_proof(void **state)
{
	struct fixture *f = *state;
	struct credential one = new_secret("one"), two = new_secret("two");
	struct order_end ends[2] = { 0 };
	settle(f);
	token_add_credential(f->token, &one, on_order, &ends[0]);
	token_add_credential(f->token, &two, on_order, &ends[1]);
	turn(f);
	assert_non_null(strstr(net.body, "client_secret=one"));
	token_cancel_orders(f->token, &ends[0]);
	assert_int_equal(net.cancelled, 1);
	turn(f);
	assert_non_null(strstr(net.body, "client_secret=two"));
	grant(f, "t", 3600);
	settle(f);
	assert_int_equal(ends[0].times, 0);
	assert_true(ends[1].done);
	assert_int_equal(status_of(f).credentials->n, 2);
}

/* A reload in the middle of it: it begins anew, with the new configuration. */
static void test_reload_during_a_proof(void **state)
{
	static char id[] = "2222";
	struct fixture *f = *state;
	struct credential secret = new_secret("better");
	struct order_end end = { 0 };
	settle(f);
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	f->other.client_id = id;
	token_reconfigure(f->token, NULL, &f->other);
	turn(f);
	assert_int_equal(net.cancelled, 1);
	assert_non_null(strstr(net.body, "client_id=2222"));
	assert_non_null(strstr(net.body, "client_secret=better"));
	grant(f, "t", 3600);
	settle(f);
	assert_true(end.done);
	/* It was added for that application, and is not shown for another one. */
	token_reconfigure(f->token, NULL, &f->account);
	assert_int_equal(status_of(f).credentials->n, 1);
	turn(f);
	if (net.open)
		grant(f, "u", 3600);
}

static void test_four_at_most(void **state)
{
	struct fixture *f = *state;
	settle(f);
	for (int i = 0; i < 6; i++) {
		char value[16];
		struct order_end end = { 0 };
		snprintf(value, sizeof(value), "secret-%d", i);
		struct credential secret = new_secret(value);
		token_add_credential(f->token, &secret, on_order, &end);
		turn(f);
		grant(f, "t", 3600);
		settle(f);
		assert_true(end.done);
	}
	/* The same once more is no other. */
	struct credential again = new_secret("secret-5");
	token_add_credential(f->token, &again, on_order, &(struct order_end){ 0 });
	turn(f);
	grant(f, "t", 3600);
	settle(f);
	const struct credential_list *list = status_of(f).credentials;
	assert_int_equal(list->n, RECORD_ADDED_MAX + 1);
	assert_true(str_eq(secret_reveal(&list->v[0].secret), STR("secret-5")));
	assert_true(str_eq(secret_reveal(&list->v[3].secret), STR("secret-2")));
}

static void test_forget_added(void **state)
{
	struct fixture *f = *state;
	struct credential secret = new_secret("better");
	struct order_end end = { 0 };
	settle(f);
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	grant(f, "one", 3600);
	settle(f);
	memset(&end, 0, sizeof(end));
	token_forget_added(f->token, on_order, &end);
	settle(f);
	assert_true(end.done);
	assert_int_equal(status_of(f).credentials->n, 1);
	expect_token(f, "one");
	/* And it shows what the configuration's is worth. */
	assert_non_null(strstr(net.body, "client_secret=s3cret"));
	refuse(f, 401, wrong_secret, -1);
	assert_int_equal(f->failed, 1);
	restart(f, 1000, true);
	settle(f);
	assert_int_equal(status_of(f).credentials->n, 1);
}

static void test_where_none_can_be_added(void **state)
{
	struct fixture *f = *state;
	settle(f);
	struct order_end end = add(f, new_secret("s")); /* delegated, a public client */
	assert_string_equal(end.failure.code, "no-credentials");
	assert_int_equal(net.started, 0);
}

static void test_none_beside_a_managed_identity(void **state)
{
	struct fixture *f = *state;
	settle(f);
	f->other.grant = GRANT_MANAGED_IDENTITY;
	token_reconfigure(f->token, NULL, &f->other);
	struct order_end end = add(f, new_secret("s"));
	assert_string_equal(end.failure.code, "no-credentials");
	assert_int_equal(status_of(f).credentials->n, 0);
}

/* A web application: the sign-in has ended, but the secret is right, and is needed to sign in. */
static void test_new_secret_of_a_web_application(void **state)
{
	struct fixture *f = *state;
	account_secret_set(&f->other, STR("old"));
	begin_signed_in(f);
	token_reconfigure(f->token, NULL, &f->other);
	turn(f);
	refuse(f, 401, wrong_secret, -1);
	struct credential secret = new_secret("better");
	struct order_end end = { 0 };
	token_add_credential(f->token, &secret, on_order, &end);
	turn(f);
	assert_non_null(strstr(net.body, "refresh_token=refresh-one"));
	assert_non_null(strstr(net.body, "client_secret=better"));
	refuse(f, 400, "{\"error\":\"invalid_grant\",\"error_codes\":[50173]}", -1);
	settle(f);
	assert_true(end.done);
	assert_int_equal(status_of(f).credentials->n, 2);
}

/* ---- the end ---- */

static void test_freed_with_orders(void **state)
{
	struct fixture *f = *state;
	struct credential one = new_secret("one"), two = new_secret("two");
	struct order_end end = { 0 };
	settle(f);
	token_add_credential(f->token, &one, on_order, &end);
	token_add_credential(f->token, &two, on_order, &end);
	turn(f);
	token_free(f->token);
	f->token = NULL;
	assert_int_equal(end.times, 0);
}

/* The account has gone from the configuration: whoever waits in front of a screen is told. */
static void test_ended_with_the_account(void **state)
{
	struct fixture *f = *state;
	struct credential one = new_secret("one"), two = new_secret("two");
	struct order_end proving = { 0 }, waiting = { 0 };
	settle(f);
	token_add_credential(f->token, &one, on_order, &proving);
	token_add_credential(f->token, &two, on_order, &waiting);
	turn(f);
	assert_true(net.open);
	token_end_orders(f->token);
	assert_false(net.open);
	assert_int_equal(proving.times, 1);
	assert_string_equal(proving.failure.code, "account-ended");
	assert_string_equal(waiting.failure.code, "account-ended");
	settle(f);
	assert_int_equal(waiting.times, 1);
}

static void test_ended_before_it_is_stored(void **state)
{
	struct fixture *f = *state;
	struct order_end end;
	begin_signed_in(f);
	sign_in(f, "two", "refresh-two", &end);
	turn(f);
	expect_token(f, "two");
	assert_int_equal(end.times, 0);
	token_end_orders(f->token);
	assert_int_equal(end.times, 1);
	assert_string_equal(end.failure.code, "not-stored");
	restart(f, 1000, false);
	settle(f);
	token_probe(f->token);
	assert_non_null(strstr(net.body, "refresh-two"));
	grant(f, "three", 3600);
}

#define WITH_KEPT(test)	     cmocka_unit_test_setup_teardown(test, setup_kept, teardown_kept)
#define WITH_DELEGATED(test) cmocka_unit_test_setup_teardown(test, setup_delegated, teardown_kept)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DELEGATED(test_sign_in),
		WITH_DELEGATED(test_sign_in_during_a_refresh),
		WITH_DELEGATED(test_sign_in_on_a_full_disk),
		WITH_DELEGATED(test_sign_in_that_cannot_last),
		WITH_KEPT(test_sign_in_where_nobody_does),
		WITH_KEPT(test_a_new_secret),
		WITH_KEPT(test_a_wrong_secret),
		WITH_KEPT(test_a_new_secret_ends_a_hold),
		WITH_KEPT(test_waiters_during_a_proof),
		WITH_KEPT(test_cancelled_proof),
		WITH_KEPT(test_reload_during_a_proof),
		WITH_KEPT(test_four_at_most),
		WITH_KEPT(test_forget_added),
		WITH_DELEGATED(test_where_none_can_be_added),
		WITH_KEPT(test_none_beside_a_managed_identity),
		WITH_DELEGATED(test_new_secret_of_a_web_application),
		WITH_KEPT(test_freed_with_orders),
		WITH_KEPT(test_ended_with_the_account),
		WITH_DELEGATED(test_ended_before_it_is_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

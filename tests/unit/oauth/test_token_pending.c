/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms clock_wall_ms arc4random_uniform */
/* WRAP: timer_start timer_stop event_free assertion_start assertion_cancel */
#include "oauth/assertion.h"
#include "tests/unit/oauth/keep_world.h"

/* A certificate that Entra does not know yet. */

/* Signing is done when the test says so. */
static struct {
	assertion_cb *cb;
	void *arg;
} signing;

struct assertion *__wrap_assertion_start(struct worker *worker, const struct credential *credential,
					 const char *client_id, const char *audience,
					 assertion_cb *cb, void *arg);
void __wrap_assertion_cancel(struct assertion *assertion);

struct assertion *__wrap_assertion_start(struct worker *worker, const struct credential *credential,
					 const char *client_id, const char *audience,
					 assertion_cb *cb, void *arg)
{
	(void)worker;
	(void)client_id;
	(void)audience;
	assert_int_equal(credential->kind, CREDENTIAL_CERTIFICATE);
	assert_null(signing.cb);
	signing.cb = cb;
	signing.arg = arg;
	return (struct assertion *)&signing;
}

void __wrap_assertion_cancel(struct assertion *assertion)
{
	if (assertion != NULL)
		signing.cb = NULL;
}

static void sign(void)
{
	struct secret value = { 0 };
	assertion_cb *cb = signing.cb;
	assert_non_null(cb);
	signing.cb = NULL;
	secret_set(&value, STR("e.y.J"));
	cb(signing.arg, &value, NULL);
	secret_done(&value);
}

static struct credential new_certificate(bool pending)
{
	struct credential credential = { .kind = CREDENTIAL_CERTIFICATE, .pending = pending };
	snprintf(credential.label, sizeof(credential.label), "certificate added 2026-11-22");
	secret_set(&credential.key_pem, STR("KEY"));
	credential.certificate_pem = mem_strdup("PEM");
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

static const char unknown_certificate[] = "{\"error\":\"invalid_client\",\"error_codes\":[700027]}";

static void test_pending_certificate(void **state)
{
	static const int waits_min[] = { 1, 2, 5, 10, 20, 30, 60, 60 };
	struct fixture *f = *state;
	settle(f);
	struct order_end end = add(f, new_certificate(true));
	assert_int_equal(end.times, 1);
	assert_true(end.done); /* stored, unproven */
	assert_int_equal(net.started, 0);
	assert_int_equal(status_of(f).credentials->n, 2);
	assert_true(status_of(f).credentials->v[1].pending);
	token_probe(f->token);
	assert_null(signing.cb); /* not for a token */
	grant(f, "one", 3 * 86400);
	for (size_t i = 0; i < ARRAY_LEN(waits_min); i++) {
		pass(f, waits_min[i] * 60000 - 1);
		assert_null(signing.cb);
		pass(f, 1);
		sign();
		refuse(f, 401, unknown_certificate, -1);
		expect_token(f, "one");
		assert_int_equal(f->failed, 0);
	}
	/* A restart begins with the short waits again. */
	settle(f);
	restart(f, 1000, true);
	settle(f);
	pass(f, 60000);
	sign();
	assert_non_null(strstr(net.body, "client_assertion=e.y.J"));
	grant(f, "two", 3600);
	assert_string_equal(f->what, "certificate in use");
	assert_string_equal(f->credential, "certificate added 2026-11-22");
	expect_token(f, "two");
	assert_int_equal(status_of(f).credentials->n, 2);
	assert_false(status_of(f).credentials->v[0].pending);
	assert_int_equal(status_of(f).serving_index, 0);
	settle(f);
	pass(f, 3000000);
	sign();
	grant(f, "three", 3600);
}

static void test_another_pending_certificate(void **state)
{
	struct fixture *f = *state;
	settle(f);
	(void)add(f, new_certificate(true));
	struct credential second = new_certificate(true);
	second.certificate_pem[0] = 'X';
	(void)add(f, second);
	assert_int_equal(status_of(f).credentials->n, 2);
	assert_string_equal(status_of(f).credentials->v[1].certificate_pem, "XEM");
	struct order_end end = { 0 };
	token_forget_added(f->token, on_order, &end);
	settle(f);
	assert_true(end.done);
	pass(f, 3 * 3600000);
	assert_null(signing.cb);
	assert_int_equal(net.started, 0);
}

static const char unknown_words[] = "{\"error\":\"invalid_client\",\"error_description\":"
				    "\"AADSTS700027: not there\",\"error_codes\":[700027]}";

/* `account certificate`, given again: tried at once, and the one who asks hears what came of it. */
static void test_tried_when_asked(void **state)
{
	struct fixture *f = *state;
	struct order_end none = { 0 }, end = { 0 }, left = { 0 }, last = { 0 };
	settle(f);
	token_try_pending(f->token, on_order, &none);
	assert_int_equal(none.times, 0); /* not from inside */
	settle(f);
	assert_true(none.done); /* there is nothing to try */
	assert_null(signing.cb);
	(void)add(f, new_certificate(true));
	token_try_pending(f->token, on_order, &end);
	settle(f);
	sign();
	refuse(f, 401, unknown_words, -1);
	settle(f);
	assert_int_equal(end.times, 1);
	assert_false(end.done);
	assert_string_equal(end.failure.code, "AADSTS700027");
	assert_true(status_of(f).credentials->v[1].pending);
	assert_int_equal(f->failed, 0);
	/* Who has asked may leave while it is being tried. */
	token_try_pending(f->token, on_order, &left);
	settle(f);
	token_cancel_orders(f->token, &left);
	if (signing.cb != NULL) {
		sign();
		refuse(f, 401, unknown_words, -1);
	}
	settle(f);
	assert_int_equal(left.times, 0);
	token_try_pending(f->token, on_order, &last);
	settle(f);
	sign();
	grant(f, "one", 3600);
	settle(f);
	assert_true(last.done);
	assert_string_equal(f->what, "certificate in use");
	assert_false(status_of(f).credentials->v[0].pending);
	expect_token(f, "one");
}

#define WITH_KEPT(test) cmocka_unit_test_setup_teardown(test, setup_kept, teardown_kept)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KEPT(test_pending_certificate),
		WITH_KEPT(test_another_pending_certificate),
		WITH_KEPT(test_tried_when_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

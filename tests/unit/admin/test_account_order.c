/* SPDX-License-Identifier: MIT */
/* WRAP: token_status token_add_credential token_forget_added token_cancel_orders */
/* WRAP: token_try_pending own_certificate_start own_certificate_cancel */
#include "tests/unit/admin/account_order_world.h"

static void begin_secret(const char *body)
{
	struct admin_answer answer = post("scanner/secret", body);
	assert_int_equal(answer.status, 0);
	assert_null(answer.body);
	assert_false(answered);
}

static void the_client_leaves(void **state)
{
	(void)state;
	begin_secret("{\"secret\":\"x\"}");
	ticket.gone(ticket.arg);
	assert_true(ordered.cancelled);
	assert_false(answered);
	credential_done(&ordered.credential);
	/* While a certificate is being made. */
	ordered.what = NULL;
	ordered.arg = NULL;
	assert_int_equal(post("scanner/certificate", NULL).status, 0);
	ticket.gone(ticket.arg);
	assert_true(making.cancelled);
}

/* A reload has taken the account's token, or the account: nothing of it may be touched. */
static void the_token_goes_meanwhile(void **state)
{
	(void)state;
	begin_secret("{\"secret\":\"x\"}");
	account.token = NULL;
	ticket.gone(ticket.arg);
	assert_false(ordered.cancelled);
	credential_done(&ordered.credential);
	account.token = some_token;
	assert_int_equal(post("scanner/certificate", NULL).status, 0);
	account.token = NULL;
	struct credential made = { .kind = CREDENTIAL_CERTIFICATE };
	making.cb(making.arg, &made, NULL);
	assert_int_equal(late.status, 409);
	cJSON_Delete(late.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_client_leaves),
		TEST(the_token_goes_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

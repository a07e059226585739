/* SPDX-License-Identifier: MIT */
/* WRAP: token_status token_add_credential token_forget_added token_cancel_orders */
/* WRAP: token_try_pending own_certificate_start own_certificate_cancel */
#include "tests/unit/admin/account_order_world.h"

static void make_certificate(const char *body)
{
	struct credential made = certificate(true);
	assert_int_equal(post("scanner/certificate", body).status, 0);
	assert_non_null(making.cb);
	assert_null(ordered.what);
	making.cb(making.arg, &made, NULL);
	assert_string_equal(ordered.what, "add");
	assert_true(ordered.credential.pending);
	assert_ptr_equal(ordered.credential.certificate_pem, certificate_pem);
	shown[list.n++] = ordered.credential;
	ordered.cb(ordered.arg, NULL);
	assert_true(answered);
	assert_int_equal(late.status, 200);
	assert_string_equal(text(late.body, "status"), "made");
	cJSON_Delete(late.body);
}

static void a_certificate_is_made(void **state)
{
	(void)state;
	make_certificate(NULL);
}

static void another_is_made_when_it_is_asked_for(void **state)
{
	(void)state;
	shown[list.n++] = certificate(true);
	make_certificate("{\"new\":true}");
}

static void one_that_ends_soon_or_is_refused_does_not_count(void **state)
{
	(void)state;
	shown[0] = certificate(false);
	shown[0].ends_ms -= INT64_C(2) * 24 * 3600 * 1000;
	make_certificate("{}");
	ordered.what = NULL;
	memset(&making, 0, sizeof(making));
	answered = false;
	list.n = 1;
	shown[0] = certificate(false);
	refused[0] = true;
	make_certificate("{\"new\":false}");
}

static void a_waiting_one_is_tried_once_more(void **state)
{
	const struct token_failure failure = { .class = TOKEN_FAIL_CONFIG,
					       .text = { .text = "not registered" } };
	(void)state;
	shown[list.n++] = certificate(true);
	assert_int_equal(post("scanner/certificate", NULL).status, 0);
	assert_string_equal(ordered.what, "try");
	ordered.cb(ordered.arg, &failure);
	assert_int_equal(late.status, 200);
	assert_string_equal(text(late.body, "status"), "waiting");
	assert_string_equal(text(late.body, "refusal"), "not registered");
	assert_string_equal(text(late.body, "certificate"), certificate_pem);
	assert_string_equal(text(late.body, "client_id"), changed->client_id);
	assert_string_equal(text(late.body, "portal"), "https://entra.microsoft.com");
	assert_string_equal(text(member(late.body, "credential"), "thumbprint_sha1"),
			    "CEA47A8CE35B1506144C3DDDA4A0E5F454227CE1");
	assert_true(number(member(late.body, "credential"), "ends_in_days") == 31);
	cJSON_Delete(late.body);
	ordered.what = NULL;
	answered = false;
	assert_int_equal(post("scanner/certificate", NULL).status, 0);
	shown[1].pending = false;
	ordered.cb(ordered.arg, NULL);
	assert_string_equal(text(late.body, "status"), "in-use");
	assert_string_equal(text(late.body, "refusal"), "");
	cJSON_Delete(late.body);
}

static void one_that_is_accepted_is_shown(void **state)
{
	(void)state;
	shown[list.n++] = certificate(false);
	struct admin_answer answer = post("scanner/certificate", NULL);
	assert_int_equal(answer.status, 200);
	assert_string_equal(text(answer.body, "status"), "in-use");
	assert_null(ordered.what);
	cJSON_Delete(answer.body);
}

static void every_cloud_has_its_portal(void **state)
{
	static char us[] = "https://login.microsoftonline.us";
	static char cn[] = "https://login.partner.microsoftonline.cn";
	static char none[] = "";
	const struct {
		char *authority;
		const char *portal;
	} rows[] = {
		{ us, "https://entra.microsoft.us" },
		{ cn, "https://portal.azure.cn" },
		{ none, NULL },
	};
	char *before = changed->authority;
	(void)state;
	shown[list.n++] = certificate(false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		changed->authority = rows[i].authority;
		struct admin_answer answer = post("scanner/certificate", NULL);
		if (rows[i].portal != NULL)
			assert_string_equal(text(answer.body, "portal"), rows[i].portal);
		else
			assert_true(cJSON_IsNull(member(answer.body, "portal")));
		cJSON_Delete(answer.body);
	}
	changed->authority = before;
}

static void it_cannot_be_made(void **state)
{
	const struct err err = { .text = "why", .code = EAGAIN };
	(void)state;
	assert_int_equal(post("scanner/certificate", NULL).status, 0);
	making.cb(making.arg, NULL, &err);
	assert_int_equal(late.status, 503);
	assert_string_equal(text(late.body, "error"), "why");
	cJSON_Delete(late.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_certificate_is_made),
		TEST(another_is_made_when_it_is_asked_for),
		TEST(one_that_ends_soon_or_is_refused_does_not_count),
		TEST(a_waiting_one_is_tried_once_more),
		TEST(one_that_is_accepted_is_shown),
		TEST(every_cloud_has_its_portal),
		TEST(it_cannot_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

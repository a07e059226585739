/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/config.h"
#include "oauth/credential.h"
#include "oauth/token_request.h"

#define ID    "&client_id=1111-22"
#define SCOPE "&scope=https%3A%2F%2Fx%2FSMTP.Send%20offline_access"
#define ASSERTION                                                                    \
	"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type" \
	"%3Ajwt-bearer&client_assertion=e.y.J"

static char client_id[] = "1111-22", scope[] = "https://x/SMTP.Send offline_access";

/* Each grant, shown by each kind of credential. */
static void test_forms(void **state)
{
	static const struct {
		enum token_request_kind kind;
		enum credential_kind credential;
		const char *body;
	} rows[] = {
		{ REQUEST_CLIENT_CREDENTIALS, CREDENTIAL_SECRET,
		  "grant_type=client_credentials" ID SCOPE
		  "&client_secret=aZ9-._~%20%2B%26%3D%25%2F%C3%A9%22" },
		{ REQUEST_CLIENT_CREDENTIALS, CREDENTIAL_CERTIFICATE,
		  "grant_type=client_credentials" ID SCOPE ASSERTION },
		{ REQUEST_CLIENT_CREDENTIALS, CREDENTIAL_FEDERATED,
		  "grant_type=client_credentials" ID SCOPE ASSERTION },
		{ REQUEST_REFRESH, CREDENTIAL_NONE,
		  "grant_type=refresh_token" ID SCOPE "&refresh_token=the%20value" },
		{ REQUEST_REFRESH, CREDENTIAL_SECRET,
		  "grant_type=refresh_token" ID SCOPE "&refresh_token=the%20value"
		  "&client_secret=aZ9-._~%20%2B%26%3D%25%2F%C3%A9%22" },
		{ REQUEST_REFRESH, CREDENTIAL_CERTIFICATE,
		  "grant_type=refresh_token" ID SCOPE "&refresh_token=the%20value" ASSERTION },
		{ REQUEST_CODE, CREDENTIAL_NONE,
		  "grant_type=authorization_code" ID SCOPE "&code=the%20value"
		  "&redirect_uri=http%3A%2F%2Flocalhost%3A5000%2F&code_verifier=veri" },
		{ REQUEST_DEVICE_CODE, CREDENTIAL_SECRET, "client_id=1111-22" SCOPE },
		{ REQUEST_DEVICE_POLL, CREDENTIAL_NONE,
		  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code" ID
		  "&device_code=the%20value" },
	};
	struct account_config account = { .client_id = client_id, .scope = scope };
	struct secret body = { 0 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct credential credential = { .kind = rows[i].credential };
		secret_set(&credential.secret, STR("aZ9-._~ +&=%/\xc3\xa9\""));
		const struct token_request request = {
			.kind = rows[i].kind,
			.account = &account,
			.credential = &credential,
			.assertion = STR("e.y.J"),
			.value = STR("the value"),
			.redirect_uri = "http://localhost:5000/",
			.verifier = "veri",
		};
		/* Again and again into the same place. */
		token_request_body(&request, &body);
		assert_string_equal(body.p, rows[i].body);
		assert_int_equal(strlen(body.p), body.n);
		credential_done(&credential);
	}
	secret_done(&body);
}

static void test_no_credential_is_a_public_client(void **state)
{
	struct account_config account = { .client_id = client_id, .scope = scope };
	const struct token_request request = {
		.kind = REQUEST_REFRESH,
		.account = &account,
		.value = STR("r"),
	};
	struct secret body = { 0 };
	(void)state;
	token_request_body(&request, &body);
	assert_string_equal(body.p, "grant_type=refresh_token" ID SCOPE "&refresh_token=r");
	secret_done(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no_credential_is_a_public_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

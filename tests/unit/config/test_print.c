/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "config/print.h"
#include "config/quirk.h"
#include "config/schema.h"
#include "tests/unit/support/config_text.h"

#define FULL                                                                                   \
	"hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"                   \
	"listen = [ \"[::1]:2525\" ]; allow = [ \"10.0.0.0/8\", \"fd00::/8\", \"10.9.9.9\" ];" \
	"listeners = ( { address = \"127.0.0.1:2526\"; tls = \"none\"; } );"                   \
	"devices = ( { name = \"erp\"; address = \"10.1.2.3\"; cleartext_auth = true;"         \
	"              account = \"scanner\"; } );"                                            \
	"queue = { lifetime = \"49h\"; min_free = 1000001; };"                                 \
	"accounts = ( { " CONFIG_ACCOUNT "send_as = [ \"a@b.c\" ]; } );"

static char *text_of(const struct config *config)
{
	struct strbuf out;
	strbuf_init(&out, 1U << 20);
	print_text(&out, config);
	assert_false(out.overflow);
	return strbuf_steal(&out);
}

/* What is printed is a configuration again, and prints the same. */
static void the_text_reads_back(void **state)
{
	(void)state;
	struct config *c = config_must_load(FULL);
	/* The loader has removed the secret's file; any other will do. */
	free(c->accounts[0].client_secret_ref);
	c->accounts[0].client_secret_ref = str_dup(STR("file:@DIR@/secret"));
	char *text = text_of(c);
	struct config *again = config_must_load(text);
	free(again->accounts[0].client_secret_ref);
	again->accounts[0].client_secret_ref = str_dup(STR("file:@DIR@/secret"));
	char *text_again = text_of(again);
	assert_string_equal(text, text_again);
	assert_non_null(strstr(text, "lifetime = \"49h\";"));
	assert_non_null(strstr(text, "min_free = \"1000001\";"));
	assert_non_null(strstr(text, "allow = [ \"10.0.0.0/8\", \"fd00::/8\", \"10.9.9.9\" ];"));
	assert_non_null(strstr(text, "# certificate: self-signed, made at first start"));
	assert_non_null(strstr(text, "cleartext_auth = true;"));
	assert_non_null(strstr(text, "per_minute = 28;"));
	free(text);
	free(text_again);
	config_unref(c);
	config_unref(again);
}

static void secrets_are_masked(void **state)
{
	(void)state;
	static const struct {
		const char *ref;
		const char *shown;
	} rows[] = {
		{ "file:/etc/x.secret", "client_secret = \"file:/etc/x.secret\";" },
		{ "credential:x.secret", "client_secret = \"credential:x.secret\";" },
		{ "env:NAME", "client_secret = \"" PRINT_MASK "\";" },
		{ "s3cr3t~literal", "client_secret = \"" PRINT_MASK "\";" },
	};
	struct config *c = config_must_load(FULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct strbuf json_text;
		strbuf_init(&json_text, 1U << 20);
		free(c->accounts[0].client_secret_ref);
		c->accounts[0].client_secret_ref = str_dup(str_of(rows[i].ref));
		char *text = text_of(c);
		cJSON *json = print_json(c);
		json_append(&json_text, json);
		assert_non_null(strstr(text, rows[i].shown));
		assert_null(strstr(text, "s3cr3t"));
		assert_null(strstr(strbuf_cstr(&json_text), "s3cr3t"));
		cJSON_Delete(json);
		free(text);
		strbuf_done(&json_text);
	}
	config_unref(c);
}

#define CREDENTIALS                                                                            \
	CONFIG_TOP "proxy = { tokens = \"http://me@h.example:1\"; password = \"canary-1\"; };" \
		   "accounts = ( { name = \"a\"; provider = \"microsoft365\"; mailbox = "      \
		   "\"a@b.c\"; tenant = \"b.c\"; proxy = { tokens = "                          \
		   "\"http://i@h.example:2\"; password = \"canary-2\"; };"                     \
		   "client_id = \"11111111-2222-3333-4444-555555555555\"; credentials = ("     \
		   "{ secret = \"canary-3\"; expires = \"2127-05-01\"; }, "                    \
		   "{ secret = \"canary-4\"; } ); } );"

static void a_list_in_a_list_reads_back(void **state)
{
	(void)state;
	struct config_report report;
	struct config *c = config_from_text(CREDENTIALS, &report);
	assert_non_null(c);
	config_report_done(&report);
	char *text = text_of(c);
	assert_null(strstr(text, "canary"));
	assert_non_null(
		strstr(text, "    credentials = ( {\n        secret = \"" PRINT_MASK "\";"));
	assert_non_null(strstr(text, "        expires = \"2127-05-01\";"));
	assert_non_null(strstr(text, "        # key: in the certificate's file"));
	assert_non_null(strstr(text, "password = \"" PRINT_MASK "\";"));
	/* The mask is a secret's value like any other. */
	struct config *again = config_from_text(text, &report);
	assert_non_null(again);
	assert_int_equal(again->accounts[0].credential_count, 2);
	char *text_again = text_of(again);
	assert_string_equal(text, text_again);
	cJSON *json = print_json(c);
	const cJSON *account = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "accounts"), 0);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(account, "credentials")), 2);
	config_report_done(&report);
	cJSON_Delete(json);
	free(text);
	free(text_again);
	config_unref(c);
	config_unref(again);
}

/* What client_secret is short for is shown once. */
static void a_short_form_is_shown_as_it_is(void **state)
{
	(void)state;
	struct config *c = config_must_load(FULL);
	char *text = text_of(c);
	assert_non_null(strstr(text, "    credentials = ( );"));
	free(text);
	config_unref(c);
}

static void the_json_has_the_files_shape(void **state)
{
	(void)state;
	struct config *c = config_must_load(FULL);
	cJSON *json = print_json(c);
	const cJSON *account = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "accounts"), 0);
	const cJSON *limits = cJSON_GetObjectItem(account, "limits");
	const cJSON *retry = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "queue"), "retry");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "listeners")), 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "allow")), 3);
	assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(limits, "per_minute")), 28);
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(limits, "message_size")),
			    "35M");
	assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(retry, "max")), "1h");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "tls"), "key")));
	assert_null(cJSON_GetObjectItem(json, "listen"));
	cJSON_Delete(json);
	config_unref(c);
}

/* All words of `help` one behind the other, with nothing but white space between. */
static bool has_words(const char *text, const char *help)
{
	for (const char *at = text; (at = strchr(at, help[0])) != NULL; at++) {
		const char *a = at, *b = help;
		while (*b != '\0' && (*a == *b || (*a == '\n' && *b == ' '))) {
			a += *a == '\n' ? 1 + strspn(a + 1, " ") : 1;
			b++;
		}
		if (*b == '\0')
			return true;
	}
	return false;
}

static void lines_fit_a_terminal(void **state)
{
	struct strbuf out;
	(void)state;
	strbuf_init(&out, 1U << 20);
	assert_true(print_keys(&out, STR("")));
	for (const char *line = strbuf_cstr(&out); line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n');
		assert_non_null(end);
		if (end - line > 79 || (end > line && end[-1] == ' '))
			fail_msg("%.*s", (int)(end - line), line);
		line = end + 1;
	}
	for (size_t i = 0; i < quirk_count; i++) {
		assert_true(has_words(strbuf_cstr(&out), quirk_rows[i].help));
		assert_true(has_words(strbuf_cstr(&out), quirk_rows[i].needed_by));
	}
	strbuf_done(&out);
}

static void keys_are_listed(void **state)
{
	(void)state;
	struct strbuf out;
	strbuf_init(&out, 1U << 20);
	assert_true(print_keys(&out, STR("")));
	for (size_t i = 0; i < schema_key_count; i++)
		assert_true(has_words(strbuf_cstr(&out), schema_keys[i].help));
	strbuf_reset(&out);
	assert_true(print_keys(&out, STR("accounts")));
	assert_non_null(strstr(strbuf_cstr(&out), "accounts.tenant"));
	assert_non_null(strstr(strbuf_cstr(&out), "accounts.limits.per_minute"));
	assert_null(strstr(strbuf_cstr(&out), "queue.path"));
	strbuf_reset(&out);
	assert_true(print_keys(&out, STR("queue.retry.max")));
	assert_string_equal(strbuf_cstr(&out), "  queue.retry.max  (duration: 10ms to 1d)\n"
					       "      longest pause between attempts\n"
					       "      default: 1h\n");
	strbuf_reset(&out);
	assert_true(print_keys(&out, STR("connections"))); /* by the last word */
	assert_non_null(strstr(strbuf_cstr(&out), "  limits.connections  ("));
	assert_non_null(strstr(strbuf_cstr(&out), "accounts.limits.connections"));
	assert_null(strstr(strbuf_cstr(&out), "limits.connections_per_address  ("));
	assert_false(print_keys(&out, STR("nowhere")));
	strbuf_done(&out);

	cJSON *json = print_keys_json(STR(""));
	assert_int_equal(cJSON_GetArraySize(json), schema_key_count);
	cJSON_Delete(json);
	assert_null(print_keys_json(STR("nowhere")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_reads_back),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(a_list_in_a_list_reads_back),
		cmocka_unit_test(a_short_form_is_shown_as_it_is),
		cmocka_unit_test(the_json_has_the_files_shape),
		cmocka_unit_test(keys_are_listed),
		cmocka_unit_test(lines_fit_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

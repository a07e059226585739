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
#include "config/nearest.h"
#include "config/schema.h"

/* Room for any of the structs that a section's fields lie in. */
union any_base {
	struct config config;
	struct listener_config listener;
	struct device_config device;
	struct account_config account;
	struct credential_config credential;
};

static size_t base_size(enum schema_base base)
{
	switch (base) {
	case SCHEMA_IN_CONFIG:
		return sizeof(struct config);
	case SCHEMA_IN_LISTENER:
		return sizeof(struct listener_config);
	case SCHEMA_IN_DEVICE:
		return sizeof(struct device_config);
	case SCHEMA_IN_ACCOUNT:
		return sizeof(struct account_config);
	case SCHEMA_IN_CREDENTIAL:
		return sizeof(struct credential_config);
	}
	return 0;
}

static void every_section_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_section_count; i++) {
		const struct schema_section *s = &schema_sections[i];
		const char *dot = strrchr(s->path, '.');
		assert_true(strlen(s->help) > 5);
		assert_ptr_equal(schema_section(str_of(s->path)), s); /* so it is unique */
		if (s->is_list) {
			assert_int_not_equal(s->base, SCHEMA_IN_CONFIG);
			/* One list lies in a list, and the loader knows whose. */
			assert_true((dot == NULL) == (s->base != SCHEMA_IN_CREDENTIAL));
		}
		if (dot == NULL)
			continue;
		struct str parent = { s->path, (size_t)(dot - s->path) };
		const struct schema_section *above = schema_section(parent);
		assert_non_null(above);
		assert_int_equal(above->base, s->is_list ? SCHEMA_IN_ACCOUNT : s->base);
		assert_ptr_equal(schema_subsection(above->path, str_of(dot + 1)), s);
	}
}

static void every_key_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *k = &schema_keys[i];
		const struct schema_section *s = schema_section(str_of(k->section));
		assert_non_null(s);
		assert_ptr_equal(schema_key(k->section, str_of(k->name)), k); /* unique */
		assert_null(schema_subsection(k->section, str_of(k->name)));
		assert_true(strlen(k->help) > 5);
		assert_true(k->offset < base_size(s->base));
		assert_true((k->def == NULL) == (k->unset != NULL));
		assert_true((k->type == SCHEMA_ENUM || k->type == SCHEMA_FLAGS) ==
			    (k->names != NULL));
		assert_true(k->min <= k->max);
		if (k->type != SCHEMA_ENUM && k->type != SCHEMA_FLAGS && k->type != SCHEMA_BOOL &&
		    k->type != SCHEMA_NETWORKS && k->type != SCHEMA_LISTEN &&
		    k->type != SCHEMA_DATE)
			assert_true(k->max > 0);
		if (k->required)
			assert_null(k->def);
	}
}

static void defaults_are_set_and_freed(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_section_count; i++) {
		union any_base base;
		memset(&base, 0, sizeof(base));
		schema_set_defaults(schema_sections[i].path, &base);
		schema_free(schema_sections[i].path, &base);
	}
	struct config c;
	memset(&c, 0, sizeof(c));
	for (size_t i = 0; i < schema_section_count; i++)
		if (schema_sections[i].base == SCHEMA_IN_CONFIG)
			schema_set_defaults(schema_sections[i].path, &c);
	assert_string_equal(c.queue.path, "/var/spool/oauthrelay");
	assert_int_equal(c.queue.lifetime, 5LL * 86400 * 1000);
	assert_int_equal(c.queue.min_free, 500LL << 20);
	assert_int_equal(c.limits.connections, 10000);
	assert_int_equal(c.limits.message_size, 150LL << 20);
	assert_int_equal(c.limits.header_size, 256 << 10);
	assert_int_equal(c.limits.command_timeout, 300000);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c.queue.on_uncertain, UNCERTAIN_RETRY);
	assert_string_equal(c.hostname, "");
	for (size_t i = 0; i < schema_section_count; i++)
		if (schema_sections[i].base == SCHEMA_IN_CONFIG)
			schema_free(schema_sections[i].path, &c);
}

/* The names are in the order of the C enums. */
static void enums_agree_with_their_names(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		const char *name;
		unsigned value;
	} rows[] = {
		{ "listeners.tls", "none", LISTENER_TLS_NONE },
		{ "listeners.tls", "starttls", LISTENER_TLS_STARTTLS },
		{ "listeners.tls", "implicit", LISTENER_TLS_IMPLICIT },
		{ "listeners.tls", "auto", LISTENER_TLS_AUTO },
		{ "devices.tls_profile", "legacy", TLS_PROFILE_LEGACY },
		{ "log.transcript", "none", TRANSCRIPT_NONE },
		{ "log.transcript", "all", TRANSCRIPT_ALL },
		{ "listeners.auth", "none", AUTH_RULE_NONE },
		{ "listeners.auth", "accept-any-password", AUTH_RULE_ANY_PASSWORD },
		{ "devices.auth", "required", AUTH_RULE_REQUIRED },
		{ "accounts.sender", "keep", SENDER_KEEP },
		{ "accounts.sender", "rewrite", SENDER_REWRITE },
		{ "accounts.tls", "none", UPSTREAM_TLS_NONE },
		{ "accounts.tls", "starttls", UPSTREAM_TLS_STARTTLS },
		{ "accounts.auth", "none", UPSTREAM_AUTH_NONE },
		{ "accounts.auth", "xoauth2", UPSTREAM_AUTH_XOAUTH2 },
		{ "accounts.grant", "client_credentials", GRANT_CLIENT_CREDENTIALS },
		{ "accounts.grant", "delegated", GRANT_DELEGATED },
		{ "accounts.grant", "managed_identity", GRANT_MANAGED_IDENTITY },
		{ "accounts.grant", "federated", GRANT_FEDERATED },
		{ "accounts.identity", "azure-vm", IDENTITY_AZURE_VM },
		{ "accounts.identity", "azure-arc", IDENTITY_AZURE_ARC },
		{ "accounts.credentials.algorithm", "PS256", ASSERTION_PS256 },
		{ "accounts.credentials.algorithm", "RS256", ASSERTION_RS256 },
		{ "accounts.credentials.thumbprint", "sha256", THUMBPRINT_SHA256 },
		{ "accounts.credentials.thumbprint", "sha1", THUMBPRINT_SHA1 },
		{ "queue.on_uncertain", "retry", UNCERTAIN_RETRY },
		{ "queue.on_uncertain", "hold", UNCERTAIN_HOLD },
		{ "log.level", "debug", LOG_LEVEL_DEBUG },
		{ "log.level", "error", LOG_LEVEL_ERROR },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;
		unsigned value;
		union any_base base;
		const struct schema_key *key = schema_key_by_path(str_of(rows[i].path));
		assert_non_null(key);
		memset(&base, 0xff, sizeof(base));
		assert_true(schema_set_text(key, &base, str_of(rows[i].name), &err));
		memcpy(&value, schema_field(key, &base), sizeof(value));
		assert_int_equal(value, rows[i].value);
	}
}

static void values_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		const char *text;
		const char *error; /* NULL: fine */
	} rows[] = {
		{ "queue.lifetime", "3d", NULL },
		{ "queue.lifetime", "3", "is not a duration" },
		{ "queue.lifetime", "90d", "must be at most 60d" },
		{ "queue.lifetime", "1ms", "must be at least 1s" },
		{ "queue.min_free", "1G", NULL },
		{ "queue.min_free", "1 gigabyte", "is not a size" },
		{ "queue.min_free", "9999999G", "must be at most 1024G" },
		{ "queue.min_free", "99999999999999999999", "is not a size" },
		{ "queue.path", "spool", "must be a full path" },
		{ "queue.path", "", "must be a full path" },
		{ "queue.path", "/a\nb", "control character" },
		{ "queue.path", "/a\x7f", "control character" },
		{ "postmaster", "it@contoso.com", NULL },
		{ "accounts.credentials.expires", "2027-05-01", NULL },
		{ "accounts.credentials.expires", "", NULL },
		{ "accounts.credentials.expires", "1.5.2027", "write it as \"2027-05-01\"" },
		{ "accounts.credentials.expires", "2027-02-29", "is not a date" },
		{ "log.level", "Info",
		  "must be one of \"debug\", \"info\", \"warning\", \"error\"" },
		{ "limits.errors", "20", "write it without quotes" },
		{ "devices.cleartext_auth", "true", "write it without quotes" },
		{ "allow", "10.0.0.0/8", "write it as [" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };
		union any_base base;
		const struct schema_key *key = schema_key_by_path(str_of(rows[i].path));
		assert_non_null(key);
		memset(&base, 0, sizeof(base));
		bool ok = schema_set_text(key, &base, str_of(rows[i].text), &err);
		if (ok != (rows[i].error == NULL) ||
		    (!ok && strstr(err.text, rows[i].error) == NULL))
			fail_msg("%s = \"%s\": %s", rows[i].path, rows[i].text,
				 ok ? "accepted" : err.text);
		schema_free(key->section, &base);
	}
}

static void a_refused_value_leaves_the_old_one(void **state)
{
	(void)state;
	struct config c;
	struct err err;
	memset(&c, 0, sizeof(c));
	schema_set_defaults("queue", &c);
	assert_false(schema_set_text(schema_key("queue", STR("lifetime")), &c, STR("x"), &err));
	assert_false(schema_set_text(schema_key("queue", STR("path")), &c, STR("x"), &err));
	assert_int_equal(c.queue.lifetime, 5LL * 86400 * 1000);
	assert_string_equal(c.queue.path, "/var/spool/oauthrelay");
	schema_free("queue", &c);
}

static void numbers_are_checked(void **state)
{
	(void)state;
	struct config c;
	struct err err;
	memset(&c, 0, sizeof(c));
	assert_true(schema_set_number(schema_key("limits", STR("errors")), &c, 7, &err));
	assert_int_equal(c.limits.errors, 7);
	assert_false(schema_set_number(schema_key("limits", STR("errors")), &c, 0, &err));
	assert_string_equal(err.text, "must be at least 1");
	assert_false(schema_set_number(schema_key("limits", STR("errors")), &c, -1, &err));
	assert_int_equal(c.limits.errors, 7);
	assert_true(schema_set_number(schema_key("queue", STR("min_free")), &c, 9000000, &err));
	assert_int_equal(c.queue.min_free, 9000000);
	assert_false(schema_set_number(schema_key("queue", STR("lifetime")), &c, 5, &err));
	assert_non_null(strstr(err.text, "needs a unit: \"5s\""));
	assert_false(schema_set_number(schema_key("devices", STR("hold_above")), &c, 5, &err));
	assert_string_equal(err.text, "needs a unit: \"5/h\", \"5/m\" ...");
	assert_false(schema_set_number(schema_key("queue", STR("path")), &c, 5, &err));
	assert_string_equal(err.text, "must be a path, not a number");
}

static void keys_are_found_by_path(void **state)
{
	(void)state;
	assert_non_null(schema_key_by_path(STR("postmaster")));
	assert_non_null(schema_key_by_path(STR("accounts.limits.per_minute")));
	assert_null(schema_key_by_path(STR("accounts.limits")));
	assert_null(schema_key_by_path(STR("")));
	assert_null(schema_key_by_path(STR(".postmaster")));
	assert_null(schema_key_by_path(STR("nowhere.postmaster")));
	assert_null(schema_subsection("", STR("accounts.limits")));
	assert_null(schema_subsection("", STR("")));
}

static size_t distance(const char *a, const char *b)
{
	return edit_distance(str_of(a), str_of(b));
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("tennant", "tenant"), 1);
	assert_int_equal(distance("ADDRESS", "address"), 0);
	assert_int_equal(distance("tenatn", "tenant"), 1); /* neighbours swapped */
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789"
				  "abc",
				  "a"),
			 SIZE_MAX);
}

static const char *nearest_of(const char *word)
{
	static const char *const known[] = { "listen", "listeners", "limits", "log" };
	struct nearest n;
	nearest_begin(&n, str_of(word));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		nearest_offer(&n, known[i]);
	return n.best;
}

static void nearest_words(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("listn"), "listen");
	assert_string_equal(nearest_of("listenr"), "listen");
	assert_string_equal(nearest_of("lgo"), "log");
	assert_string_equal(nearest_of("limit"), "limits");
	assert_null(nearest_of("recipients"));
	assert_null(nearest_of("x"));
	assert_null(nearest_of(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_section_is_sound),
		cmocka_unit_test(every_key_is_sound),
		cmocka_unit_test(defaults_are_set_and_freed),
		cmocka_unit_test(enums_agree_with_their_names),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(a_refused_value_leaves_the_old_one),
		cmocka_unit_test(numbers_are_checked),
		cmocka_unit_test(keys_are_found_by_path),
		cmocka_unit_test(distances),
		cmocka_unit_test(nearest_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

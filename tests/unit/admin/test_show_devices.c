/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/routes.h"
#include "inbound/roster.h"
#include "tests/unit/support/config_text.h"

static struct config *config;
static struct event_base *base;
static struct roster *roster;

static int set_up(void **state)
{
	(void)state;
	config = config_must_load(CONFIG_SMALLEST
				  "devices = ( { name = \"floor_3\"; address = \"10.3.0.0/24\"; },"
				  "{ name = \"xerox\"; address = \"10.3.0.9\"; },"
				  "{ name = \"ups\"; address = \"10.9.0.7\"; },"
				  "{ name = \"empty\"; address = \"10.8.0.0/24\"; } );");
	base = event_base_new();
	roster = roster_new(base);
	roster_configure(roster, &config->limits);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	roster_free(roster);
	event_base_free(base);
	config_unref(config);
	return 0;
}

static struct admin_answer get(const char *path, const char *query)
{
	const struct admin_view view = { .config = config, .roster = roster };
	const struct admin_call call = { .method = STR("GET"),
					 .path = str_of(path),
					 .query = str_of(query) };
	return admin_dispatch(&view, NULL, &call);
}

static struct roster_entry *come(const char *address)
{
	struct netaddr addr;
	assert_true(netaddr_parse(str_of(address), &addr));
	return roster_connected(roster, &addr, config_admits(config, &addr), "0.0.0.0:25");
}

static void leave_with(struct roster_entry *e, int64_t started_ms, const char *said)
{
	struct transcript *t = transcript_new(started_ms, 4096);
	transcript_event(t, started_ms, said);
	t->ended_ms = started_ms + 5;
	t->reason = "QUIT";
	t->failed = true;
	roster_keep(roster, e, t);
	roster_disconnected(roster, e);
}

static const cJSON *row(const cJSON *list, const char *address)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list)
		if (strcmp(cJSON_GetObjectItem(item, "address")->valuestring, address) == 0)
			return item;
	fail_msg("%s is not in the list", address);
	return NULL;
}

static const char *text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
}

static double number(const cJSON *object, const char *name)
{
	assert_true(cJSON_IsNumber(cJSON_GetObjectItem(object, name)));
	return cJSON_GetObjectItem(object, name)->valuedouble;
}

static bool truth(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItem(object, name));
}

static void seen_and_unseen(void **state)
{
	(void)state;
	struct roster_entry *e = come("10.3.0.9");
	e->tls = "TLSv1.2";
	e->cipher = "AES256-SHA";
	e->login = "PLAIN";
	roster_set(&e->helo, "prn");
	roster_accepted(roster, e);
	assert_true(roster_refused(roster, e, "550 no"));
	roster_disconnected(roster, come("10.3.0.8"));
	e = come("172.16.0.1");
	e->not_allowed = true;
	roster_disconnected(roster, e);
	struct admin_answer a = get("/v1/devices", "");
	assert_int_equal(a.status, 200);
	const cJSON *list = cJSON_GetObjectItem(a.body, "devices");
	/* three addresses, two devices nobody has seen */
	assert_true(number(a.body, "total") == 5);
	assert_true(number(a.body, "configured") == 4);
	assert_int_equal(cJSON_GetArraySize(list), 5);
	const cJSON *xerox = row(list, "10.3.0.9");
	assert_string_equal(text(xerox, "name"), "xerox");
	assert_string_equal(text(xerox, "tls"), "TLSv1.2");
	assert_string_equal(text(xerox, "cipher"), "AES256-SHA");
	assert_string_equal(text(xerox, "login"), "PLAIN");
	assert_string_equal(text(xerox, "helo"), "prn");
	assert_string_equal(text(xerox, "error"), "550 no");
	assert_string_equal(text(xerox, "listener"), "0.0.0.0:25");
	assert_true(number(xerox, "open") == 1 && number(xerox, "accepted") == 1);
	assert_true(number(xerox, "last_age_s") < 60);
	assert_string_equal(text(row(list, "10.3.0.8"), "name"), "floor_3");
	const cJSON *stranger = row(list, "172.16.0.1");
	assert_null(text(stranger, "name"));
	assert_true(truth(stranger, "not_allowed") && !truth(stranger, "admitted"));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(row(list, "10.9.0.7"), "last")));
	assert_string_equal(text(row(list, "10.8.0.0/24"), "name"), "empty");
	cJSON_Delete(a.body);
}

/* The names are those of the configuration in force. */
static void a_reload_renames(void **state)
{
	(void)state;
	struct roster_entry *e = come("172.16.0.1");
	e->not_allowed = true;
	roster_disconnected(roster, e);
	config_unref(config);
	config = config_must_load(CONFIG_SMALLEST
				  "devices = ( { name = \"new\"; address = \"172.16.0.1\"; } );");
	roster_configure(roster, &config->limits);
	struct admin_answer a = get("/v1/devices", "");
	const cJSON *list = cJSON_GetObjectItem(a.body, "devices");
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(text(row(list, "172.16.0.1"), "name"), "new");
	assert_true(truth(row(list, "172.16.0.1"), "admitted"));
	assert_false(truth(row(list, "172.16.0.1"), "not_allowed"));
	cJSON_Delete(a.body);
}

static void comes_in_pages(void **state)
{
	char address[32];
	unsigned seen = 0;
	(void)state;
	for (unsigned i = 0; i < 120; i++) {
		snprintf(address, sizeof(address), "172.16.1.%u", i);
		roster_disconnected(roster, come(address));
	}
	for (unsigned offset = 0; offset <= 150; offset += 50) {
		char query[64];
		snprintf(query, sizeof(query), "limit=50&offset=%u", offset);
		struct admin_answer a = get("/v1/devices", query);
		assert_true(number(a.body, "total") == 124);
		seen += (unsigned)cJSON_GetArraySize(cJSON_GetObjectItem(a.body, "devices"));
		cJSON_Delete(a.body);
	}
	assert_int_equal(seen, 124);
}

static void transcripts_of_a_name_and_of_an_address(void **state)
{
	static const struct {
		const char *path;
		int count;
		const char *first;
	} rows[] = {
		{ "/v1/devices/floor%5F3/transcript", 2, "early" },
		{ "/v1/devices/10.3.0.7/transcript", 1, "late" },
		{ "/v1/devices/xerox/transcript", 1, "other" },
		{ "/v1/devices/10.3.0.9/transcript", 1, "other" },
		{ "/v1/devices/ups/transcript", 0, NULL },
		{ "/v1/devices/::1/transcript", 0, NULL },
	};
	(void)state;
	leave_with(come("10.3.0.7"), 2000, "late");
	leave_with(come("10.3.0.8"), 1000, "early");
	leave_with(come("10.3.0.9"), 1500, "other");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct admin_answer a = get(rows[i].path, "");
		assert_int_equal(a.status, 200);
		const cJSON *list = cJSON_GetObjectItem(a.body, "transcripts");
		assert_int_equal(cJSON_GetArraySize(list), rows[i].count);
		assert_true(number(a.body, "total") == rows[i].count);
		assert_string_equal(text(a.body, "transcript"), "failed");
		if (rows[i].first != NULL) {
			const cJSON *lines =
				cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "lines");
			assert_int_equal(cJSON_GetArraySize(lines), 1);
			const char *line = cJSON_GetArrayItem(lines, 0)->valuestring;
			assert_string_equal(line + strlen("    0.000 "), rows[i].first);
		}
		cJSON_Delete(a.body);
	}
}

#define WITH_ROSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROSTER(seen_and_unseen),
		WITH_ROSTER(a_reload_renames),
		WITH_ROSTER(comes_in_pages),
		WITH_ROSTER(transcripts_of_a_name_and_of_an_address),
	};
	return cmocka_run_group_tests_name("admin/show_devices", tests, NULL, NULL);
}

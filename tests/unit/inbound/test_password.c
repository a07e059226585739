/* SPDX-License-Identifier: MIT */
#include <crypt.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/worker.h"
#include "inbound/password.h"
#include "tests/unit/support/run_loop.h"

static char *hash_of(const char *password, const char *setting)
{
	struct crypt_data *data = mem_zalloc(sizeof(*data));
	char *hash = mem_strdup(crypt_r(password, setting, data));
	free(data);
	assert_true(hash[0] != '*');
	return hash;
}

static struct users *users_of(const char *name, const char *hash)
{
	struct strbuf text;
	struct err err;
	strbuf_init(&text, 4096);
	strbuf_addf(&text, "# who may log in\r\n\n  %s : %s  \n", name, hash);
	struct users *users = users_parse(strbuf_str(&text), "users", &err);
	strbuf_done(&text);
	if (users == NULL)
		fail_msg("%s", err.text);
	return users;
}

struct verdict {
	bool come;
	bool ok;
};

static void on_checked(void *arg, bool ok)
{
	struct verdict *v = arg;
	assert_false(v->come);
	*v = (struct verdict){ .come = true, .ok = ok };
}

static bool check(struct event_base *base, struct worker *worker, const struct users *users,
		  struct str name, struct str password)
{
	struct verdict v = { .come = false };
	assert_non_null(password_verify(worker, users, name, users_find(users, name), password,
					on_checked, &v));
	assert_false(v.come);
	assert_true(run_loop_until(base, &v.come, 20000));
	return v.ok;
}

/* The hashes of four decades. */
static void all_methods(void **state)
{
	static const char *const settings[] = { "$y$j8T$abcdefgh", "$6$rounds=1000$saltsalt",
						"$5$rounds=1000$saltsalt",
						"$2b$04$abcdefghijklmnopqrstuu" };
	struct event_base *base = event_base_new();
	struct worker *worker = worker_new(base, worker_default_limits);
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		char *hash = hash_of("p:\"\\%s \xc3\xbc", settings[i]);
		struct users *users = users_of("anna", hash);
		assert_int_equal(users_count(users), 1);
		assert_true(check(base, worker, users, STR("anna"), STR("p:\"\\%s \xc3\xbc")));
		assert_false(check(base, worker, users, STR("anna"), STR("p:\"\\%s \xc3\xbd")));
		assert_false(check(base, worker, users, STR("anna"), STR("")));
		assert_false(check(base, worker, users, STR("anna"), STR("p:\"\\%s \xc3\xbc\0")));
		assert_false(check(base, worker, users, STR("Anna"), STR("p:\"\\%s \xc3\xbc")));
		assert_false(check(base, worker, users, STR("ann"), STR("p:\"\\%s \xc3\xbc")));
		assert_false(check(base, worker, users, STR("annaa"), STR("p:\"\\%s \xc3\xbc")));
		assert_false(check(base, worker, users, STR(""), STR("")));
		/* The hash itself is no password. */
		assert_false(check(base, worker, users, STR("anna"), str_of(hash)));
		users_unref(users);
		free(hash);
	}
	worker_free(worker);
	event_base_free(base);
}

/* AUT-10: an unknown name takes as long as a known one; also where there are no users at all. */
static void unknown_costs_the_same(void **state)
{
	struct event_base *base = event_base_new();
	struct worker *worker = worker_new(base, worker_default_limits);
	char *hash = hash_of("secret", "$6$rounds=200000$saltsalt");
	struct users *users = users_of("anna", hash);
	struct err err;
	struct users *nobody = users_parse(STR(""), "users", &err);
	(void)state;
	int64_t times[3];
	int64_t start = clock_mono_ms();
	assert_false(check(base, worker, users, STR("anna"), STR("wrong")));
	times[0] = clock_mono_ms() - start;
	start = clock_mono_ms();
	assert_false(check(base, worker, users, STR("bert"), STR("wrong")));
	times[1] = clock_mono_ms() - start;
	assert_true(times[1] > times[0] / 3);
	start = clock_mono_ms();
	assert_false(check(base, worker, nobody, STR("bert"), STR("wrong")));
	times[2] = clock_mono_ms() - start;
	assert_true(times[2] >= 1);
	users_unref(users);
	users_unref(nobody);
	free(hash);
	worker_free(worker);
	event_base_free(base);
}

/* Old and new hashes cost differently: unknown names are spread over them as known ones are, and
 * asking again tells no more. */
static void unknown_names_cost_what_known_ones_do(void **state)
{
	static const char text[] = "a:$5$rounds=1000$saltsalt$x\nb:$6$saltsalt$x\n"
				   "c:$y$j9T$saltsaltsalt$x\n";
	struct err err;
	struct users *users = users_parse(STR(text), "users", &err);
	unsigned seen[3] = { 0 };
	(void)state;
	assert_int_equal(users_count(users), ARRAY_LEN(seen));
	for (unsigned i = 0; i < 300; i++) {
		char name[16];
		snprintf(name, sizeof(name), "user%u", i);
		const struct user *user = password_stand_in(users, str_of(name));
		assert_ptr_equal(user, password_stand_in(users, str_of(name)));
		seen[user - users_at(users, 0)]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		assert_in_range(seen[i], 60, 140);
	users_unref(users);
}

static void cancelled_check_is_silent(void **state)
{
	struct event_base *base = event_base_new();
	struct worker *worker = worker_new(base, worker_default_limits);
	char *hash = hash_of("secret", "$5$rounds=1000$saltsalt");
	struct users *users = users_of("anna", hash);
	struct verdict v = { .come = false };
	(void)state;
	password_cancel(password_verify(worker, users, STR("anna"), users_at(users, 0),
					STR("secret"), on_checked, &v));
	/* The users may go before the check has ended. */
	users_unref(users);
	while (worker_pending(worker) != 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_false(v.come);
	password_cancel(NULL);
	free(hash);
	worker_free(worker);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_methods),
		cmocka_unit_test(unknown_costs_the_same),
		cmocka_unit_test(unknown_names_cost_what_known_ones_do),
		cmocka_unit_test(cancelled_check_is_silent),
	};
	return cmocka_run_group_tests_name("inbound/password", tests, NULL, NULL);
}

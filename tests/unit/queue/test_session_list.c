/* SPDX-License-Identifier: MIT */
/* WRAP: session_free session_is_ready session_is_opening session_retire */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/session_list.h"

struct session {
	bool ready, opening;
	int freed, retired;
};

void __wrap_session_free(struct session *s);
bool __wrap_session_is_ready(const struct session *s);
bool __wrap_session_is_opening(const struct session *s);
void __wrap_session_retire(struct session *s);

void __wrap_session_free(struct session *s)
{
	s->freed++;
}

bool __wrap_session_is_ready(const struct session *s)
{
	return s->ready;
}

bool __wrap_session_is_opening(const struct session *s)
{
	return s->opening;
}

void __wrap_session_retire(struct session *s)
{
	s->retired++;
}

static void test_drop_frees_the_one_that_is_meant(void **state)
{
	struct session_list list = { 0 };
	struct session s[3] = { { .ready = true }, { 0 }, { .ready = true } };
	(void)state;
	assert_null(session_list_ready(&list));
	for (size_t i = 0; i < 3; i++)
		session_list_add(&list, &s[i]);
	assert_ptr_equal(session_list_ready(&list), &s[0]);
	assert_int_equal(session_list_count(&list, session_is_ready), 2);
	session_list_drop(&list, &s[0]);
	assert_int_equal(s[0].freed, 1);
	assert_int_equal(s[1].freed + s[2].freed, 0);
	assert_ptr_equal(session_list_ready(&list), &s[2]);
	session_list_done(&list);
	assert_int_equal(s[0].freed, 1);
	assert_int_equal(s[1].freed, 1);
	assert_int_equal(s[2].freed, 1);
	assert_int_equal(list.n, 0);
}

/* The last takes the place of one that goes: it must not be passed over. */
static void test_retire_ends_at_once_what_is_on_its_way(void **state)
{
	struct session_list list = { 0 };
	struct session s[4] = {
		{ .opening = true }, { 0 }, { .opening = true }, { .opening = true }
	};
	(void)state;
	for (size_t i = 0; i < 4; i++)
		session_list_add(&list, &s[i]);
	session_list_retire(&list);
	assert_int_equal(list.n, 1);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(s[i].freed, s[i].opening);
		assert_int_equal(s[i].retired, !s[i].opening);
	}
	session_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_frees_the_one_that_is_meant),
		cmocka_unit_test(test_retire_ends_at_once_what_is_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

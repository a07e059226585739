/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inbound/peers.h"

static struct netaddr number(unsigned n)
{
	struct netaddr a = { .b = { 0xfd } };
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static void counts(void **state)
{
	enum {
		MANY = 5000
	};
	struct peers *peers = peers_new();
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned k = 0; k <= i % 3; k++) {
			struct netaddr a = number(i);
			peers_add(peers, &a);
		}
	for (unsigned i = 0; i < MANY; i++) {
		struct netaddr a = number(i);
		assert_int_equal(peers_count(peers, &a), i % 3 + 1);
		peers_remove(peers, &a);
		assert_int_equal(peers_count(peers, &a), i % 3);
	}
	for (unsigned i = 0; i < MANY; i++) {
		struct netaddr a = number(i);
		for (unsigned k = 0; k < i % 3; k++)
			peers_remove(peers, &a);
		assert_int_equal(peers_count(peers, &a), 0);
	}
	struct netaddr left = number(7);
	peers_add(peers, &left);
	peers_free(peers);
	peers_free(NULL);
}

static void messages(void **state)
{
	struct peers *peers = peers_new();
	struct netaddr a = number(1), b = number(2);
	(void)state;
	assert_int_equal(peers_messages(peers, &a), 0);
	peers_add(peers, &a);
	peers_add(peers, &b);
	peers_message_begun(peers, &a);
	peers_message_begun(peers, &a);
	assert_int_equal(peers_messages(peers, &a), 2);
	assert_int_equal(peers_messages(peers, &b), 0);
	peers_message_over(peers, &a);
	assert_int_equal(peers_messages(peers, &a), 1);
	assert_int_equal(peers_count(peers, &a), 1);
	peers_message_over(peers, &a);
	peers_remove(peers, &a);
	assert_int_equal(peers_messages(peers, &a), 0);
	peers_free(peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts), cmocka_unit_test(messages) };
	return cmocka_run_group_tests_name("inbound/peers", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/idmap.h"

struct thing {
	int before;
	struct msgid id;
	bool in;
	bool seen;
};

enum {
	MANY = 3000
};

static void test_id_text(void **state)
{
	struct msgid id;
	struct strbuf out;
	(void)state;
	assert_true(msgid_parse(STR("00112233445566778899aabbccddeeff"), &id));
	assert_int_equal(id.b[0], 0);
	assert_int_equal(id.b[15], 0xff);
	assert_string_equal(msgid_text(&id).hex, "00112233445566778899aabbccddeeff");
	strbuf_init(&out, 100);
	msgid_append(&out, &id);
	assert_string_equal(strbuf_cstr(&out), "00112233445566778899aabbccddeeff");
	strbuf_done(&out);
	assert_false(msgid_parse(STR("00112233445566778899aabbccddeef"), &id));
	assert_false(msgid_parse(STR("00112233445566778899aabbccddeeff0"), &id));
	assert_false(msgid_parse(STR("00112233445566778899AABBCCDDEEFF"), &id));
	assert_false(msgid_parse(STR("0011223344556677 899aabbccddeeff"), &id));
}

static void test_random_ids_differ(void **state)
{
	(void)state;
	struct msgid a = msgid_random(), b = msgid_random();
	assert_false(msgid_equal(&a, &b));
	assert_true(msgid_equal(&a, &a));
}

static void put(struct idmap *map, struct thing *thing)
{
	idmap_put(map, thing);
	thing->in = true;
}

static void check(const struct idmap *map, struct thing *things, size_t n)
{
	size_t in = 0, at = 0, walked = 0;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(idmap_get(map, &things[i].id), things[i].in ? &things[i] : NULL);
		in += things[i].in;
		things[i].seen = false;
	}
	assert_int_equal(idmap_count(map), in);
	for (struct thing *t; (t = idmap_next(map, &at)) != NULL; walked++) {
		assert_false(t->seen);
		t->seen = true;
	}
	assert_int_equal(walked, in);
}

static void run(struct thing *things, size_t n)
{
	struct idmap *map = idmap_new(offsetof(struct thing, id));
	check(map, things, n);
	for (size_t i = 0; i < n; i++)
		put(map, &things[i]);
	check(map, things, n);
	for (size_t i = 0; i < n; i += 3) {
		idmap_remove(map, &things[i].id);
		things[i].in = false;
		if (n < 100)
			check(map, things, n);
	}
	idmap_remove(map, &things[0].id); /* not there: nothing */
	check(map, things, n);
	for (size_t i = 0; i < n; i += 3)
		put(map, &things[i]);
	check(map, things, n);
	for (size_t i = n; i-- != 0;) {
		idmap_remove(map, &things[i].id);
		things[i].in = false;
	}
	check(map, things, n);
	idmap_free(map);
}

static void test_random(void **state)
{
	static struct thing things[MANY];
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		things[i].id = msgid_random();
	run(things, MANY);
}

/* All want the same place, or places around the table's end: the worst for moving up. */
static void test_collisions(void **state)
{
	static struct thing things[64];
	(void)state;
	for (size_t i = 0; i < 64; i++) {
		things[i].id = (struct msgid){ .b = { 0xff } };
		things[i].id.b[15] = (uint8_t)i;
	}
	run(things, 64);
	for (size_t i = 0; i < 64; i++)
		things[i].id.b[0] = (uint8_t)(0xf0 + i * 7 % 32);
	run(things, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_text),
		cmocka_unit_test(test_random_ids_differ),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_collisions),
	};
	idmap_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

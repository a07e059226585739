/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/netaddr.h"

static struct netaddr addr(const char *text)
{
	struct netaddr a;
	if (!netaddr_parse(str_of(text), &a))
		fail_msg("%s", text);
	return a;
}

static void addresses_are_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *out; /* NULL: refused */
		bool v4;
	} rows[] = {
		{ "192.168.1.9", "192.168.1.9", true },
		{ "0.0.0.0", "0.0.0.0", true },
		{ "::ffff:192.168.1.9", "192.168.1.9", true },
		{ "::1", "::1", false },
		{ "2001:DB8::0:1", "2001:db8::1", false },
		{ "::", "::", false },
		{ "192.168.1", NULL, false },
		{ "192.168.1.256", NULL, false },
		{ "192.168.01.9", NULL, false }, /* octal to some */
		{ "3232235777", NULL, false },
		{ "0x7f.0.0.1", NULL, false },
		{ "fe80::1%eth0", NULL, false },
		{ "[::1]", NULL, false },
		{ " 1.2.3.4", NULL, false },
		{ "1.2.3.4 ", NULL, false },
		{ "", NULL, false },
		{ "1:2:3:4:5:6:7:8:9", NULL, false },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netaddr a;
		bool ok = netaddr_parse(str_of(rows[i].text), &a);
		if (ok != (rows[i].out != NULL))
			fail_msg("%s", rows[i].text);
		if (!ok)
			continue;
		struct strbuf out;
		strbuf_init(&out, 100);
		netaddr_append(&out, &a);
		assert_string_equal(strbuf_cstr(&out), rows[i].out);
		assert_true(netaddr_is_v4(&a) == rows[i].v4);
		strbuf_done(&out);
	}
	struct netaddr a;
	assert_false(netaddr_parse(STR("1.2.3.4\0"), &a));
}

static void a_dual_stack_peer_is_ipv4(void **state)
{
	(void)state;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(0xc0a80109) } };
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct netaddr mapped = addr("192.168.1.9");
	struct netaddr a;
	struct netaddr b;
	memcpy(&in6.sin6_addr, mapped.b, 16);
	assert_true(netaddr_from_sockaddr((struct sockaddr *)&in6, &a));
	assert_true(netaddr_from_sockaddr((struct sockaddr *)&in, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_false(netaddr_from_sockaddr(&other, &a));
}

static void networks_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *out;   /* NULL: refused */
		const char *error; /* then: part of why */
	} rows[] = {
		{ "10.1.2.3", "10.1.2.3", NULL },
		{ "10.1.2.3/32", "10.1.2.3", NULL },
		{ "192.168.0.0/16", "192.168.0.0/16", NULL },
		{ "0.0.0.0/0", "0.0.0.0/0", NULL },
		{ "fd00::/8", "fd00::/8", NULL },
		{ "::/0", "::/0", NULL },
		{ "::1", "::1", NULL },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", NULL },
		{ "192.168.1.1/16", NULL, "did you mean 192.168.0.0/16?" },
		{ "fd00::1/8", NULL, "did you mean fd00::/8?" },
		{ "10.0.0.0/33", NULL, "the prefix length is wrong" },
		{ "::/129", NULL, "the prefix length is wrong" },
		{ "10.0.0.0/", NULL, "the prefix length is wrong" },
		{ "10.0.0.0/08", NULL, "the prefix length is wrong" },
		{ "10.0.0.0/-1", NULL, "the prefix length is wrong" },
		{ "10.0.0.0/255.0.0.0", NULL, "the prefix length is wrong" },
		{ "10.0.0/8", NULL, "write it as" },
		{ "printer", NULL, "\"printer\" is not a network" },
		{ "", NULL, "is not a network" },
		{ "a\x1b[2J", NULL, "\"a\\x1b[2J\"" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct network net;
		struct err err = { 0 };
		bool ok = network_parse(str_of(rows[i].text), &net, &err);
		if (ok != (rows[i].out != NULL) || (!ok && strstr(err.text, rows[i].error) == NULL))
			fail_msg("%s: %s", rows[i].text, ok ? "accepted" : err.text);
		if (!ok)
			continue;
		struct strbuf out;
		strbuf_init(&out, 100);
		network_append(&out, &net);
		assert_string_equal(strbuf_cstr(&out), rows[i].out);
		strbuf_done(&out);
	}
}

static struct network net_of(const char *text)
{
	struct network net;
	struct err err;
	if (!network_parse(str_of(text), &net, &err))
		fail_msg("%s", err.text);
	return net;
}

static void networks_contain(void **state)
{
	(void)state;
	static const struct {
		const char *net;
		const char *addr;
		bool inside;
	} rows[] = {
		{ "192.168.0.0/16", "192.168.255.255", true },
		{ "192.168.0.0/16", "192.169.0.0", false },
		{ "192.168.128.0/17", "192.168.127.255", false },
		{ "192.168.128.0/17", "192.168.128.0", true },
		{ "10.1.2.3", "10.1.2.3", true },
		{ "10.1.2.3", "10.1.2.2", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "8.8.8.8", true },
		{ "fd00::/8", "fdff::1", true },
		{ "fd00::/8", "fc00::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct network net = net_of(rows[i].net);
		struct netaddr a = addr(rows[i].addr);
		if (network_contains(&net, &a) != rows[i].inside)
			fail_msg("%s %s", rows[i].net, rows[i].addr);
	}
}

/* Also the ways round the plain spellings. */
static void everybody_is_recognised(void **state)
{
	(void)state;
	static const struct {
		const char *net;
		bool everything;
		bool too_wide;
	} rows[] = {
		{ "0.0.0.0/0", true, true },
		{ "::/0", true, true },
		{ "::/64", true, true },
		{ "::/80", true, true },
		{ "::ffff:0.0.0.0/96", true, true },
		{ "0.0.0.0/1", false, true },
		{ "128.0.0.0/1", false, true },
		{ "10.0.0.0/7", false, true },
		{ "10.0.0.0/8", false, false },
		{ "8000::/1", false, true },
		{ "2000::/3", false, true },
		{ "2002::/16", false, true },
		{ "2002::/17", false, false },
		{ "fc00::/6", false, true },
		{ "fc00::/7", false, false },
		{ "fd00::/8", false, false },
		{ "fe80::/9", false, true },
		{ "fe80::/10", false, false },
		{ "::1", false, false },
		{ "0.0.0.0", false, false },
		{ "::", false, false },
		{ "::/97", false, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct network net = net_of(rows[i].net);
		if (network_is_everything(&net) != rows[i].everything ||
		    network_is_too_wide(&net) != rows[i].too_wide)
			fail_msg("%s", rows[i].net);
	}
}

static void endpoints_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "0.0.0.0:25", true },
		{ "127.0.0.1:0", true },
		{ "127.0.0.1:65535", true },
		{ "[::]:587", true },
		{ "[2001:db8::1]:25", true },
		{ "127.0.0.1:65536", false },
		{ "127.0.0.1", false },
		{ "127.0.0.1:", false },
		{ ":25", false },
		{ "25", false },
		{ "*:25", false },
		{ "localhost:25", false },
		{ "::1:25", false }, /* which of it is the port? */
		{ "[127.0.0.1]:25", false },
		{ "[::1]", false },
		{ "[::1:25", false },
		{ "[]:25", false },
		{ "127.0.0.1:25 ", false },
		{ "127.0.0.1:+25", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct endpoint ep;
		struct err err = { 0 };
		bool ok = endpoint_parse(str_of(rows[i].text), &ep, &err);
		if (ok != rows[i].ok || (!ok && strstr(err.text, "write it as") == NULL))
			fail_msg("%s", rows[i].text);
		if (!ok)
			continue;
		struct strbuf out;
		strbuf_init(&out, 100);
		endpoint_append(&out, (const struct sockaddr *)&ep.sa);
		assert_string_equal(strbuf_cstr(&out), rows[i].text);
		assert_int_equal(ep.len, rows[i].text[0] == '[' ? sizeof(struct sockaddr_in6)
								: sizeof(struct sockaddr_in));
		strbuf_done(&out);
	}
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct strbuf out;
	strbuf_init(&out, 100);
	endpoint_append(&out, &other);
	assert_string_equal(strbuf_cstr(&out), "unknown");
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(a_dual_stack_peer_is_ipv4),
		cmocka_unit_test(networks_are_read),
		cmocka_unit_test(networks_contain),
		cmocka_unit_test(everybody_is_recognised),
		cmocka_unit_test(endpoints_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

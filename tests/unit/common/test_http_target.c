/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/http_target.h"

struct url_case {
	const char *url;
	bool local_http;
	const char *host; /* NULL: refused */
	unsigned port;
};

static void test_urls(void **state)
{
	static const struct url_case cases[] = {
		{ "https://login.test/a/b?c", false, "login.test", 443 },
		{ "https://LOGIN.test:8443", false, "LOGIN.test", 8443 },
		{ "https://[2001:db8::1]:444/", false, "2001:db8::1", 444 },
		{ "https://192.0.2.1/", true, "192.0.2.1", 443 },
		{ "http://169.254.169.254/x", true, "169.254.169.254", 80 },
		{ "http://localhost:40342/x", true, "localhost", 40342 },
		{ "http://[fe80::1%25eth0]/x", true, "fe80::1", 80 },
		{ "http://169.254.169.254/x", false, NULL, 0 },
		{ "file:///etc/passwd", true, NULL, 0 },
		{ "ftp://localhost/", true, NULL, 0 },
		{ "localhost/x", true, NULL, 0 },
		{ "https://user@login.test/", false, NULL, 0 },
		{ "https://user:n0t-shown@login.test/", false, NULL, 0 },
		{ "https://login.test:99999/", false, NULL, 0 },
		{ "https://", false, NULL, 0 },
		{ "", false, NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct url_case *c = &cases[i];
		struct http_target target = { 0 };
		struct err err = { 0 };
		bool ok = http_target_parse(c->url, c->local_http, &target, &err);
		if (ok != (c->host != NULL))
			fail_msg("%s", c->url);
		if (ok) {
			assert_string_equal(target.host, c->host);
			assert_int_equal(target.port, c->port);
			assert_int_equal(target.tls, strncmp(c->url, "https:", 6) == 0);
		} else {
			assert_non_null(strstr(err.text, "URL"));
			assert_null(strstr(err.text, "n0t-shown"));
		}
		http_target_done(&target);
	}
}

static struct resolved addresses_of(const char *const *texts)
{
	struct resolved out = { .count = 0 };
	for (; *texts != NULL; texts++)
		assert_true(netaddr_parse(str_of(*texts), &out.addr[out.count++]));
	return out;
}

struct address_case {
	const char *address;
	bool local;
};

static void test_where_plain_http_goes(void **state)
{
	static const struct address_case cases[] = {
		{ "127.0.0.1", true },	  { "127.255.255.254", true },
		{ "::1", true },	  { "169.254.169.254", true },
		{ "169.254.0.1", true },  { "fe80::1", true },
		{ "febf::1", true },	  { "126.255.255.255", false },
		{ "128.0.0.1", false },	  { "169.253.1.1", false },
		{ "169.255.1.1", false }, { "10.0.0.1", false },
		{ "192.168.1.1", false }, { "::2", false },
		{ "fec0::1", false },	  { "fd00::1", false },
		{ "0.0.0.0", false },	  { "::", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char host[] = "host.test";
		const char *const here_and_there[] = { "127.0.0.1", cases[i].address, NULL };
		struct resolved addresses = addresses_of(here_and_there);
		struct http_target target = { .tls = false, .host = host };
		struct err err;
		bool ok = http_target_admits(&target, &addresses, &err);
		if (ok != cases[i].local)
			fail_msg("%s", cases[i].address);
		if (!ok)
			assert_non_null(strstr(err.text, cases[i].address));
		target.tls = true;
		assert_true(http_target_admits(&target, &addresses, &err));
	}
}

static void test_addresses(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1", "192.0.2.2", NULL };
	(void)state;
	struct resolved addresses = addresses_of(texts);
	struct curl_slist *list = http_target_addresses("login.test", 443, &addresses);
	assert_string_equal(list->data, "login.test:443:192.0.2.1,[2001:db8::1],192.0.2.2");
	assert_null(list->next);
	curl_slist_free_all(list);
	assert_null(http_target_addresses("192.0.2.1", 443, &addresses));
	assert_null(http_target_addresses("2001:db8::1", 443, &addresses));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_where_plain_http_goes),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/policy.h"
#include "tests/unit/support/config_text.h"

/* The lists are taken as they are; what may stand in them is the configuration's test. */
static char d0[] = "contoso.com", d1[] = "*.fabrikam.com", d2[] = "Bob@x.org",
	    d3[] = "\"a@b.c\"@evil.org", u0[] = "anna@contoso.com", u1[] = "x.org",
	    name[] = "xerox-3f", user_name[] = "anna";
static char *device_patterns[] = { d0, d1, d2, d3 };
static char *user_patterns[] = { u0, u1 };
static const struct user anna = {
	.name = user_name,
	.senders = { user_patterns, ARRAY_LEN(user_patterns) },
	.recipients = { user_patterns, ARRAY_LEN(user_patterns) },
};
static struct device_config row = {
	.name = name,
	.senders = { device_patterns, ARRAY_LEN(device_patterns) },
	.recipients = { device_patterns, ARRAY_LEN(device_patterns) },
};
static const struct device_config free_row = { .name = name };

static struct access access_of(const struct device_config *device)
{
	struct access a = { .row = device, .device = device != NULL ? device->name : NULL };
	assert_true(netaddr_parse(STR("192.168.1.9"), &a.addr));
	return a;
}

/* path as in MAIL FROM: what the policy sees is the parsed address, and nothing else. */
static const char *check(bool (*rule)(const struct policy *, const struct address *,
				      struct inbound_refusal *),
			 const struct policy *policy, const char *path)
{
	static struct inbound_refusal why;
	struct address a;
	struct str rest;
	struct err err;
	if (!address_parse_path(str_of(path), 0, &a, &rest, &err))
		fail_msg("%s: %s", path, err.text);
	bool ok = rule(policy, &a, &why);
	address_done(&a);
	if (!ok)
		assert_int_equal(why.code, 550);
	return ok ? "" : why.text;
}

static void a_list_allows_what_it_names(void **state)
{
	const struct access access = access_of(&row);
	const struct policy policy = { .access = &access, .row = access.row };
	static const struct {
		const char *path;
		bool allowed;
	} rows[] = {
		{ "<a@contoso.com>", true },
		{ "<A@CONTOSO.COM>", true },
		{ "<\"a b\"@contoso.com>", true },
		{ "<\"abc\"@contoso.com>", true },
		{ "<a@sub.contoso.com>", false },
		{ "<a@notcontoso.com>", false },
		{ "<a@contoso.com.evil.org>", false },
		{ "<a@contoso.co>", false },
		{ "<a@x.fabrikam.com>", true },
		{ "<a@x.y.Fabrikam.com>", true },
		{ "<a@fabrikam.com>", false },
		{ "<a@evilfabrikam.com>", false },
		{ "<bob@x.org>", true },
		{ "<bobby@x.org>", false },
		{ "<@contoso.com:mallory@evil.org>", false }, /* the route is dropped */
		{ "<@evil.org:a@contoso.com>", true },
		{ "<\"a@contoso.com\"@evil.org>", false },
		{ "<\"a@evil.org\"@contoso.com>", false },
		{ "<a%evil.org@contoso.com>", false },
		{ "<evil.org!a@contoso.com>", false },
		{ "<\"a@b.c\"@evil.org>", true }, /* this very address is listed */
		{ "<a@[192.0.2.1]>", false },
		{ "<contoso.com@[IPv6:2001:db8::1]>", false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool sender = check(policy_sender, &policy, rows[i].path)[0] == '\0';
		bool recipient = check(policy_recipient, &policy, rows[i].path)[0] == '\0';
		if (sender != rows[i].allowed || recipient != rows[i].allowed)
			fail_msg("%s", rows[i].path);
	}
}

static void without_a_list_all_is_allowed(void **state)
{
	const struct access accesses[] = { access_of(&free_row), access_of(NULL) };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accesses); i++) {
		const struct policy policy = { .access = &accesses[i], .row = accesses[i].row };
		assert_string_equal(check(policy_sender, &policy, "<a%b@evil.org>"), "");
		assert_string_equal(check(policy_recipient, &policy, "<a%b@evil.org>"), "");
		assert_false(policy_wants_header(&policy));
	}
}

/* A bounce pretends to be nobody; recipients are another matter. */
static void the_null_sender_is_allowed(void **state)
{
	const struct access access = access_of(&row);
	const struct policy policy = { .access = &access, .row = access.row, .user = &anna };
	(void)state;
	assert_string_equal(check(policy_sender, &policy, "<>"), "");
}

static void device_and_user_must_both_allow(void **state)
{
	const struct access access = access_of(&row), open = access_of(NULL);
	const struct policy both = { .access = &access, .row = access.row, .user = &anna };
	const struct policy user = { .access = &open, .user = &anna };
	(void)state;
	assert_string_equal(check(policy_sender, &both, "<anna@contoso.com>"), "");
	assert_string_equal(check(policy_sender, &both, "<bob@x.org>"), "");
	assert_string_equal(check(policy_sender, &both, "<bert@contoso.com>"),
			    "5.7.1 user anna may not send as bert@contoso.com");
	assert_string_equal(check(policy_sender, &both, "<a@x.org>"),
			    "5.7.1 xerox-3f may not send as a@x.org");
	assert_string_equal(check(policy_sender, &user, "<a@x.org>"), "");
	assert_string_equal(check(policy_sender, &user, "<a@y.org>"),
			    "5.7.1 user anna may not send as a@y.org");
	assert_string_equal(check(policy_recipient, &user, "<a@x.org>"), "");
	assert_string_equal(check(policy_recipient, &user, "<a@y.org>"),
			    "5.7.1 user anna may not send to a@y.org");
	assert_string_equal(check(policy_recipient, &both, "<a@x.org>"),
			    "5.7.1 xerox-3f may not send to a@x.org");
	assert_string_equal(check(policy_recipient, &both, "<bert@contoso.com>"),
			    "5.7.1 user anna may not send to bert@contoso.com");
	assert_true(policy_wants_header(&user));
}

static void refusals_are_short(void **state)
{
	struct access access = access_of(&row);
	const struct policy policy = { .access = &access, .row = access.row };
	char path[400], local[65], label[64];
	(void)state;
	assert_string_equal(check(policy_recipient, &policy, "<x@y.org>"),
			    "5.7.1 xerox-3f may not send to x@y.org");
	access.device = NULL; /* as if a list were for addresses without a name */
	assert_string_equal(check(policy_recipient, &policy, "<x@y.org>"),
			    "5.7.1 192.168.1.9 may not send to x@y.org");
	memset(local, 'l', 64);
	memset(label, 'd', 63);
	local[64] = label[63] = '\0';
	assert_in_range(
		snprintf(path, sizeof(path), "<%s@%s.%s.%s.org>", local, label, label, label), 250,
		320);
	const char *refusal = check(policy_sender, &policy, path);
	assert_in_range(strlen(refusal), 60, 160);
	assert_string_equal(refusal + strlen(refusal) - 4, "l...");
}

static const char *check_header(const struct policy *policy, const char *header)
{
	static struct inbound_refusal why;
	struct sender_capture capture;
	struct str bytes = str_of(header);
	const struct body_stats stats = { .size = bytes.n, .header_size = bytes.n };
	sender_capture_init(&capture);
	sender_capture_feed(&capture, bytes, &stats);
	bool ok = policy_header(policy, &capture, &why);
	sender_capture_done(&capture);
	if (!ok)
		assert_int_equal(why.code, 550);
	return ok ? "" : why.text;
}

static void the_header_obeys_too(void **state)
{
	const struct access access = access_of(&row), open = access_of(NULL);
	const struct policy device = { .access = &access, .row = access.row };
	const struct policy user = { .access = &open, .user = &anna };
	char long_from[SENDER_CAPTURE_MAX + 100];
	(void)state;
	assert_true(policy_wants_header(&device));
	assert_string_equal(check_header(&device, "Subject: x\r\n"), "");
	assert_string_equal(check_header(&device, "From: Scan <a@contoso.com>\r\n"), "");
	assert_string_equal(check_header(&device, "From: bob@fabrikam.com\r\n"),
			    "5.7.1 xerox-3f may not write From: bob@fabrikam.com");
	assert_string_equal(
		check_header(&device, "From: a@contoso.com\r\nSender: bob@fabrikam.com\r\n"),
		"5.7.1 xerox-3f may not write Sender: bob@fabrikam.com");
	assert_string_equal(check_header(&device, "From: ceo@contoso.com <a@contoso.com>\r\n"),
			    "5.7.1 xerox-3f may not write From so that it can be misread");
	assert_string_equal(check_header(&device, "From: \"a@contoso.com\"@evil.org\r\n"),
			    "5.7.1 xerox-3f may not write From: \"a@contoso.com\"@evil.org");
	assert_string_equal(check_header(&device, "From: a%evil.org@contoso.com\r\n"),
			    "5.7.1 xerox-3f may not write From: a%evil.org@contoso.com");
	assert_string_equal(check_header(&device, "From: a@-contoso.com\r\n"),
			    "5.7.1 xerox-3f may not write From: a@-contoso.com");
	assert_string_equal(check_header(&user, "From: anna@contoso.com\r\n"), "");
	assert_string_equal(check_header(&user, "From: bert@contoso.com\r\n"),
			    "5.7.1 user anna may not write From: bert@contoso.com");
	memset(long_from, 'x', sizeof(long_from));
	memcpy(long_from, "From: ", 6);
	memcpy(long_from + sizeof(long_from) - 3, "\r\n", 3);
	assert_string_equal(check_header(&device, long_from),
			    "5.7.1 xerox-3f may not write so long a From or Sender");
	assert_string_equal(check_header(&user, long_from),
			    "5.7.1 user anna may not write so long a From or Sender");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_allows_what_it_names),
		cmocka_unit_test(without_a_list_all_is_allowed),
		cmocka_unit_test(the_null_sender_is_allowed),
		cmocka_unit_test(device_and_user_must_both_allow),
		cmocka_unit_test(refusals_are_short),
		cmocka_unit_test(the_header_obeys_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "config/quirk.h"
#include "inbound/access.h"
#include "tests/unit/support/config_text.h"

#define NONE	 AUTH_RULE_NONE
#define ANY	 AUTH_RULE_ANY_PASSWORD
#define REQUIRED AUTH_RULE_REQUIRED

static const char text[] =
	"hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
	"listeners = ( { address = \"127.0.0.1:2525\"; tls = \"starttls\"; } );"
	"allow = [ \"192.168.0.0/16\", \"192.168.9.7\", \"fd00::/8\" ];"
	"devices = ("
	" { name = \"xerox\"; address = \"192.168.10.21\"; },"
	" { name = \"erp\"; address = \"10.1.2.3\"; auth = \"accept-any-password\"; },"
	" { name = \"nas\"; address = \"192.168.9.0/24\"; auth = \"required\";"
	"   cleartext_auth = true; },"
	" { name = \"cam\"; address = \"192.168.9.8\"; auth = \"required\";"
	"   quirks = [ \"no-8bitmime\", \"odd-dots\" ]; } );"
	"accounts = ( { " CONFIG_ACCOUNT " } );";

static struct config *config;

static int load(void **state)
{
	(void)state;
	/* It warns that there are no users. */
	struct config_report report;
	config = config_from_text(text, &report);
	assert_int_equal(report.error_count, 0);
	config_report_done(&report);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	config_unref(config);
	return 0;
}

static struct access decide(const char *address, enum auth_rule listener)
{
	struct netaddr addr;
	assert_true(netaddr_parse(str_of(address), &addr));
	return access_decide(config, &addr, listener);
}

/* Who may do what, without and with TLS, before and after a login (that succeeded as the rules ask
 * for it). send: the reply's code at MAIL, 250 for yes. */
static const struct row {
	const char *address;
	enum auth_rule listener;
	const char *device;
	enum access_auth auth_clear;
	enum access_auth auth_tls;
	unsigned send;
	unsigned send_logged_in;
} rows[] = {
	{ "192.168.1.9", NONE, NULL, ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 250, 250 },
	{ "192.168.1.9", ANY, NULL, ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 530, 250 },
	{ "192.168.1.9", REQUIRED, NULL, ACCESS_AUTH_TLS, ACCESS_AUTH_USERS, 530, 250 },
	{ "fd12::1", NONE, NULL, ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 250, 250 },
	{ "::ffff:192.168.1.9", NONE, NULL, ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 250, 250 },
	{ "192.168.10.21", NONE, "xerox", ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 250, 250 },
	{ "10.1.2.3", NONE, "erp", ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 530, 250 },
	{ "10.1.2.3", REQUIRED, "erp", ACCESS_AUTH_TLS, ACCESS_AUTH_USERS, 530, 250 },
	{ "192.168.9.1", NONE, "nas", ACCESS_AUTH_USERS, ACCESS_AUTH_USERS, 530, 250 },
	{ "192.168.9.1", ANY, "nas", ACCESS_AUTH_USERS, ACCESS_AUTH_USERS, 530, 250 },
	{ "192.168.9.8", NONE, "cam", ACCESS_AUTH_TLS, ACCESS_AUTH_USERS, 530, 250 },
	/* `allow` with an address is narrower than the device's network. */
	{ "192.168.9.7", NONE, NULL, ACCESS_AUTH_ANY, ACCESS_AUTH_ANY, 250, 250 },
	/* Strangers: a login helps only where real users log in. */
	{ "10.1.2.4", NONE, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
	{ "10.1.2.4", ANY, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
	{ "10.1.2.4", REQUIRED, NULL, ACCESS_AUTH_TLS, ACCESS_AUTH_USERS, 530, 250 },
	{ "127.0.0.1", NONE, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
	{ "::1", NONE, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
	{ "::ffff:10.1.2.4", NONE, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
	{ "8.8.8.8", NONE, NULL, ACCESS_AUTH_NONE, ACCESS_AUTH_NONE, 550, 550 },
};

static unsigned send_code(const struct access *a, bool tls, bool logged_in)
{
	struct inbound_refusal why = { .code = 0 };
	return access_may_send(a, tls, logged_in, &why) ? 250 : why.code;
}

static void rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct access a = decide(row->address, row->listener);
		if (row->device == NULL)
			assert_null(a.device);
		else
			assert_string_equal(a.device, row->device);
		assert_int_equal(access_auth(&a, false), row->auth_clear);
		assert_int_equal(access_auth(&a, true), row->auth_tls);
		for (unsigned tls = 0; tls < 2; tls++) {
			assert_int_equal(send_code(&a, tls != 0, false), row->send);
			assert_int_equal(send_code(&a, tls != 0, true), row->send_logged_in);
		}
	}
}

static void texts(void **state)
{
	struct inbound_refusal why;
	struct access a = decide("10.1.2.4", NONE);
	(void)state;
	assert_false(access_may_send(&a, false, false, &why));
	assert_string_equal(why.text, "5.7.1 10.1.2.4 is not allowed here");
	a = decide("192.168.9.8", NONE);
	assert_false(access_may_send(&a, false, false, &why));
	assert_string_equal(why.text, "5.7.0 Authentication required: send STARTTLS, then log in");
	assert_false(access_may_send(&a, true, false, &why));
	assert_string_equal(why.text, "5.7.0 Authentication required");
}

static void quirks(void **state)
{
	(void)state;
	struct access a = decide("192.168.9.8", NONE);
	assert_int_equal(a.quirks, QUIRK_NO_8BITMIME | QUIRK_ODD_DOTS);
	a = decide("192.168.10.21", NONE);
	assert_int_equal(a.quirks, 0);
	a = decide("192.168.1.9", NONE);
	assert_int_equal(a.quirks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(quirks),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests_name("inbound/access", tests, load, unload);
}

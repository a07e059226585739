/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attr.h"
#include "upstream/ehlo.h"

struct row {
	const char *lines;
	struct ehlo out;
	const char *mechanisms;
};

#define HELLO "SY5P282CA0097.outlook.office365.com Hello [203.0.113.5]\n"

static const struct row rows[] = {
	/* Microsoft, before and after STARTTLS (microsoft365.md 1.1) */
	{ HELLO
	  "SIZE 157286400\nPIPELINING\nDSN\nENHANCEDSTATUSCODES\nSTARTTLS\n8BITMIME\nBINARYMIME\n"
	  "CHUNKING\nSMTPUTF8",
	  { .starttls = true,
	    .pipelining = true,
	    .eight_bit = true,
	    .smtputf8 = true,
	    .dsn = true,
	    .size = true,
	    .size_max = 157286400 },
	  "" },
	{ HELLO
	  "SIZE 157286400\nPIPELINING\nDSN\nENHANCEDSTATUSCODES\nAUTH LOGIN XOAUTH2\n8BITMIME\n"
	  "BINARYMIME\nCHUNKING\nSMTPUTF8",
	  { .pipelining = true,
	    .eight_bit = true,
	    .smtputf8 = true,
	    .dsn = true,
	    .size = true,
	    .size_max = 157286400,
	    .xoauth2 = true },
	  "LOGIN XOAUTH2" },
	/* The first line is a greeting, whatever it says. */
	{ "", { 0 }, "" },
	{ "STARTTLS", { 0 }, "" },
	{ "AUTH XOAUTH2\nPIPELINING", { .pipelining = true }, "" },
	{ "\nPIPELINING", { .pipelining = true }, "" },
	/* case, spaces, old forms: UPS-06 */
	{ "x\nstarttls\nauth xoauth2\n8bitmime\nPipelining\nsize 10",
	  { .starttls = true,
	    .pipelining = true,
	    .eight_bit = true,
	    .size = true,
	    .size_max = 10,
	    .xoauth2 = true },
	  "xoauth2" },
	{ "x\nAUTH=XOAUTH2", { .xoauth2 = true }, "XOAUTH2" },
	{ "x\nAUTH= LOGIN XOAUTH2", { .xoauth2 = true }, "LOGIN XOAUTH2" },
	{ "x\n  AUTH\tPLAIN   XOAUTH2  ", { .xoauth2 = true }, "PLAIN   XOAUTH2" },
	{ "x\nAUTH PLAIN\nAUTH=XOAUTH2", { .xoauth2 = true }, "PLAIN" },
	{ "x\nAUTH OAUTHBEARER", { .oauthbearer = true }, "OAUTHBEARER" },
	{ "x\nAUTH XOAUTH2 OAUTHBEARER",
	  { .xoauth2 = true, .oauthbearer = true },
	  "XOAUTH2 OAUTHBEARER" },
	/* near misses */
	{ "x\nAUTH", { 0 }, "" },
	{ "x\nAUTH ", { 0 }, "" },
	{ "x\nAUTHX XOAUTH2", { 0 }, "" },
	{ "x\nXAUTH XOAUTH2", { 0 }, "" },
	{ "x\nAUTH XOAUTH22 XXOAUTH2 XOAUTH", { 0 }, "XOAUTH22 XXOAUTH2 XOAUTH" },
	{ "x\nSTARTTLSX\nXSTARTTLS\nX STARTTLS\nSTART TLS", { 0 }, "" },
	{ "x\nsmtputf8\ndsn x", { .smtputf8 = true, .dsn = true }, "" },
	{ "x\nPIPELINING=yes\n8BITMIMES\nSMTPUTF\nDSNS\nSMTPUTF8=1", { 0 }, "" },
	{ "x\nSTARTTLS now", { .starttls = true }, "" },
	/* SIZE */
	{ "x\nSIZE", { .size = true }, "" },
	{ "x\nSIZE 0", { .size = true }, "" },
	{ "x\nSIZE ten", { .size = true }, "" },
	{ "x\nSIZE -1", { .size = true }, "" },
	{ "x\nSIZE 18446744073709551615", { .size = true, .size_max = UINT64_MAX }, "" },
	{ "x\nSIZE 18446744073709551616", { .size = true }, "" },
	{ "x\nSIZE=10", { 0 }, "" },
	/* rubbish */
	{ "x\n\n\n \n\xff\xfe\nSTARTTLS\n", { .starttls = true }, "" },
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct str lines = str_of(row->lines);
		struct ehlo out;
		memset(&out, 0xff, sizeof(out));
		ehlo_parse(lines, &out);
		if (out.starttls != row->out.starttls || out.pipelining != row->out.pipelining ||
		    out.eight_bit != row->out.eight_bit || out.smtputf8 != row->out.smtputf8 ||
		    out.dsn != row->out.dsn || out.size != row->out.size ||
		    out.size_max != row->out.size_max || out.xoauth2 != row->out.xoauth2 ||
		    out.oauthbearer != row->out.oauthbearer)
			fail_msg("row %zu: %s", i, row->lines);
		if (!str_eq(ehlo_mechanisms(lines), str_of(row->mechanisms)))
			fail_msg("mechanisms of row %zu: %s", i, row->lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

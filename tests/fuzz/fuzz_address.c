/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/strbuf.h"
#include "common/utf8.h"
#include "inbound/params.h"
#include "message/address.h"
#include "message/domain.h"
#include "message/xtext.h"
#include "tests/fuzz/fuzz.h"

/*
 * Addresses and the parameters behind them. What policy has seen is what goes on the wire
 * (threats.md ADR-diff): an address that was taken is written, and read again, as the same.
 * Input: what stands behind "MAIL FROM:" or "RCPT TO:"; every kind of forgiveness is tried on it.
 */
enum {
	LOCAL_MAX = 64, /* RFC 5321 4.5.3.1 */
	ALL_FLAGS = ADDRESS_UTF8 | ADDRESS_BARE_NAME | ADDRESS_NO_BRACKETS | ADDRESS_ODD_DOTS,
};

static void check_error(const struct err *err)
{
	struct str text = str_of(err->text);
	fuzz_check(text.n != 0 && text.n < 200, "an error fits into a reply");
	for (size_t i = 0; i < text.n; i++)
		fuzz_check(ascii_is_print(text.p[i]), "an error is printable");
}

static void check_refusal(const struct inbound_refusal *why)
{
	fuzz_check(why->code >= 500 && why->code <= 599, "a bad command is refused for good");
	fuzz_check(why->text[0] == '5' && why->text[1] == '.', "with an enhanced code");
}

static void check_same(const struct address *a, const struct address *b)
{
	fuzz_check(strcmp(a->local, b->local) == 0 && strcmp(a->domain, b->domain) == 0,
		   "an address is read again as it was");
}

static void check_parts(const struct address *a)
{
	struct str domain = str_of(a->domain);
	fuzz_check(strlen(a->local) <= LOCAL_MAX && domain.n <= DOMAIN_MAX,
		   "an address has its length");
	fuzz_check(domain.n == 0 || domain_is_valid(domain, true), "a domain is a domain");
	fuzz_check(utf8_is_clean(str_of(a->local)), "a local part hides nothing");
	for (const char *p = a->local; *p != '\0'; p++)
		fuzz_check((unsigned char)*p >= 0x20 && *p != 0x7f,
			   "an address has no control character");
}

/* As the upstream's command line has it. */
static void check_written(const struct address *a)
{
	struct strbuf path;
	struct address again;
	struct str rest;
	struct err err = { .text = "" };
	check_parts(a);
	strbuf_init(&path, 2048);
	strbuf_addc(&path, '<');
	address_append(&path, a);
	strbuf_adds(&path, ">");
	fuzz_check(str_chr(strbuf_str(&path), '\r') < 0 && str_chr(strbuf_str(&path), '\n') < 0,
		   "an address is one line");
	unsigned flags = (address_is_ascii(a) ? 0 : ADDRESS_UTF8) |
			 (a->domain[0] == '\0' ? ADDRESS_BARE_NAME : 0);
	fuzz_check(address_parse_path(strbuf_str(&path), flags, &again, &rest, &err),
		   "what was written can be read");
	fuzz_check(rest.n == 0, "what was written is one address");
	check_same(a, &again);
	address_done(&again);
	strbuf_done(&path);
}

static void check_params(struct str text)
{
	struct params params = { .body = BODY_7BIT };
	struct inbound_refusal why = { 0, "" };
	if (params_parse_mail(text, &params, &why))
		params_done(&params);
	else
		check_refusal(&why);
	params = (struct params){ .body = BODY_7BIT };
	why = (struct inbound_refusal){ 0, "" };
	if (params_parse_rcpt(text, &params, &why))
		params_done(&params);
	else
		check_refusal(&why);
}

/* What was decoded is printable, and reads the same when it is written upstream. */
static void check_xtext(struct str text)
{
	struct strbuf plain, written, again;
	strbuf_init(&plain, 4096);
	strbuf_init(&written, 16 * 1024);
	strbuf_init(&again, 4096);
	if (xtext_decode(text, &plain) && !plain.overflow) {
		for (size_t i = 0; i < plain.n; i++)
			fuzz_check(ascii_is_print(plain.p[i]), "xtext holds printable text");
		xtext_append(&written, strbuf_str(&plain));
		fuzz_check(xtext_decode(strbuf_str(&written), &again) &&
				   str_eq(strbuf_str(&plain), strbuf_str(&again)),
			   "xtext is read again as it was");
	}
	strbuf_done(&plain);
	strbuf_done(&written);
	strbuf_done(&again);
}

static void check_path(struct str in, unsigned flags)
{
	struct address a;
	struct str rest;
	struct err err = { .text = "" };
	if (!address_parse_path(in, flags, &a, &rest, &err)) {
		check_error(&err);
		return;
	}
	fuzz_check(rest.p >= in.p && rest.p + rest.n == in.p + in.n,
		   "what follows an address is the end of the text");
	check_written(&a);
	check_params(rest);
	address_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct address a;
	struct err err = { .text = "" };
	for (unsigned flags = 0; flags <= ALL_FLAGS; flags++)
		check_path(in, flags);
	if (address_parse(in, &a, &err)) {
		check_written(&a);
		address_done(&a);
	}
	check_params(in);
	check_xtext(in);
	return 0;
}

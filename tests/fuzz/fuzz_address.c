/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/strbuf.h"
#include "inbound/params.h"
#include "message/address.h"
#include "tests/fuzz/fuzz.h"

/*
 * Addresses and the parameters behind them. What policy has seen is what goes on the wire
 * (threats.md ADR-diff): an address that was taken is written, and read again, as the same.
 * Input: what stands behind "MAIL FROM:" or "RCPT TO:".
 */
enum {
	LOCAL_MAX = 64, /* RFC 5321 4.5.3.1 */
	DOMAIN_MAX = 255,
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
	fuzz_check(domain.n == 0 || address_is_domain(domain), "a domain is a domain");
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
	fuzz_check(address_parse_path(strbuf_str(&path), &again, &rest, &err),
		   "what was written can be read");
	fuzz_check(rest.n == 0, "what was written is one address");
	check_same(a, &again);
	address_done(&again);
	strbuf_done(&path);
}

static void check_params(struct str text)
{
	struct mail_params params = { .body = BODY_7BIT };
	struct inbound_refusal why = { 0, "" };
	if (!params_parse_mail(text, &params, &why))
		check_refusal(&why);
	why = (struct inbound_refusal){ 0, "" };
	if (!params_parse_rcpt(text, &why))
		check_refusal(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct address a;
	struct str rest;
	struct err err = { .text = "" };
	if (address_parse_path(in, &a, &rest, &err)) {
		fuzz_check(rest.p >= in.p && rest.p + rest.n == in.p + in.n,
			   "what follows an address is the end of the text");
		check_written(&a);
		check_params(rest);
		address_done(&a);
	} else {
		check_error(&err);
	}
	if (address_parse(in, &a, &err)) {
		check_written(&a);
		address_done(&a);
	}
	check_params(in);
	return 0;
}

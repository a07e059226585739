/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/attr.h"
#include "common/strbuf.h"
#include "inbound/policy.h"
#include "message/body_in.h"
#include "message/header.h"
#include "message/sender_capture.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a list of senders lets in, against what goes upstream with sender = "keep": the header that
 * is sent, read a second time and by other rules, has the sender fields that were looked at, and
 * they name nobody who is not on the list.
 * Input: a byte of choices (bits 0 and 1: enum body_in_mode; bit 2: the list has one address, not
 * its domain), one of segments, then content. DATA gets an end of data behind it; for BDAT the
 * segments are chunks.
 */
enum {
	CONTENT_MAX = 4 << 20,
	MODES = 3,
	ONE_ADDRESS = 4,
};

static const char allowed_address[] = "a@b.c";
static const char allowed_domain[] = "b.c";

struct passed {
	struct body_in body;
	struct sender_capture capture;
	struct strbuf content;
	struct inbound_refusal why;
	bool allowed;
};

static void emit(void *arg, struct str bytes)
{
	struct passed *p = arg;
	sender_capture_feed(&p->capture, bytes, &p->body.stats);
	strbuf_addstr(&p->content, bytes);
}

/* As a session does it: our own field first. */
static void pass(enum body_in_mode mode, struct str stream, unsigned cut,
		 const struct policy *policy, struct passed *p)
{
	struct fuzz_cuts cuts;
	bool ended = false;
	*p = (struct passed){ .allowed = false };
	strbuf_init(&p->content, CONTENT_MAX);
	sender_capture_init(&p->capture);
	body_in_init(&p->body, mode, emit, p);
	body_in_prepend(&p->body, STR("Received: from x\r\n\tby y\r\n"));
	fuzz_cuts_init(&cuts, cut);
	while (!ended && stream.n != 0) {
		struct str piece = fuzz_cut(&cuts, &stream);
		ended = body_in_feed(&p->body, &piece);
	}
	if (mode == BODY_IN_BDAT)
		body_in_finish(&p->body);
	p->allowed = policy_header(policy, &p->capture, &p->why);
}

static void passed_done(struct passed *p)
{
	sender_capture_done(&p->capture);
	strbuf_done(&p->content);
}

static void check_same(const struct passed *a, const struct passed *b)
{
	fuzz_check(a->allowed == b->allowed && a->why.code == b->why.code &&
			   strcmp(a->why.text, b->why.text) == 0,
		   "segments make no difference to the verdict");
	fuzz_check(a->capture.fields.overflow == b->capture.fields.overflow,
		   "segments make no difference to what is too long");
	/* What does not fit is left out, and what a slice is depends on segments. */
	fuzz_check(a->capture.fields.overflow ||
			   str_eq(strbuf_str(&a->capture.fields), strbuf_str(&b->capture.fields)),
		   "segments make no difference to what is looked at");
}

/* --- the second reading ---------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A field with all its lines; false at the empty line. */
static bool next_field(struct str *rest, struct str *name, struct str *value)
{
	size_t n = 0;
	fuzz_check(rest->n >= 2, "the header ends with an empty line");
	if (rest->p[0] == '\r')
		return false;
	do {
		ptrdiff_t lf = str_chr(str_skip(*rest, n), '\n');
		fuzz_check(lf >= 0, "each line of the header ends");
		n += (size_t)lf + 1;
	} while (n < rest->n && is_blank(rest->p[n]));
	struct str field = str_head(*rest, n);
	ptrdiff_t colon = str_chr(field, ':');
	fuzz_check(colon > 0, "each field has a name");
	*name = str_trim(str_head(field, (size_t)colon));
	*value = str_skip(field, (size_t)colon + 1);
	*rest = str_skip(*rest, n);
	return true;
}

static bool is_looked_at(struct str name)
{
	static const char *const names[] = { "from", "sender", "resent-from", "resent-sender" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

/* Behind the quoted string or the comment that begins s; each of them has an end. */
static struct str skip_quoted(struct str s, char open, char close)
{
	unsigned depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\')
			i++;
		else if (c == close && (open == close ? i != 0 : --depth == 0))
			return str_skip(s, i + 1);
		else if (c == open)
			depth++;
	}
	fuzz_check(false, "a quoted string or comment that is let in has an end");
	return (struct str){ s.p, 0 };
}

static void check_word(struct str word, bool one_address)
{
	ptrdiff_t at = str_chr(word, '@');
	struct str local = str_head(word, (size_t)at);
	if (one_address)
		fuzz_check(str_ieq(word, str_of(allowed_address)), "only the listed one is named");
	fuzz_check(str_ieq(str_skip(word, (size_t)at + 1), str_of(allowed_domain)),
		   "only addresses of the listed domain are named");
	fuzz_check(local.n != 0 && str_chr(local, '%') < 0 && str_chr(local, '!') < 0,
		   "no way to another domain is named");
}

/* Returns how many words with an @ there are outside of quotes and comments. */
static unsigned check_addresses(struct str value, bool one_address)
{
	unsigned count = 0;
	while (value.n != 0) {
		size_t n = 0;
		while (n < value.n && (unsigned char)value.p[n] > 0x20 &&
		       memchr("()<>,;:\"\\", value.p[n], 9) == NULL)
			n++;
		struct str word = str_head(value, n);
		if (str_chr(word, '@') >= 0) {
			check_word(word, one_address);
			count++;
		}
		value = str_skip(value, n);
		if (value.n != 0 && value.p[0] == '"')
			value = skip_quoted(value, '"', '"');
		else if (value.n != 0 && value.p[0] == '(')
			value = skip_quoted(value, '(', ')');
		else
			value = str_skip(value, 1);
	}
	return count;
}

static void check_sent(struct str header, const struct passed *p, bool one_address)
{
	struct str name, value;
	struct strbuf fields;
	strbuf_init(&fields, CONTENT_MAX);
	while (next_field(&header, &name, &value)) {
		if (!is_looked_at(name))
			continue;
		strbuf_addstr(&fields, name);
		strbuf_addc(&fields, ':');
		strbuf_addstr(&fields, value);
		fuzz_check(!p->allowed || check_addresses(value, one_address) != 0,
			   "a sender field that is let in names somebody");
	}
	fuzz_check(p->capture.fields.overflow
			   ? !p->allowed
			   : str_eq(strbuf_str(&fields), strbuf_str(&p->capture.fields)),
		   "what is sent is what was looked at");
	strbuf_done(&fields);
}

/* --- out ------------------------------------------------------------------------------------- */

static void check_upstream(const struct passed *p, bool one_address)
{
	/* A missing From would be the reverse-path, which has a check of its own. */
	const struct header_edit keep = {
		.from = "",
		.id = "0123456789abcdef0123456789abcdef",
		.hostname = "relay.contoso.com",
		.accepted_ms = 1795359000000,
	};
	struct strbuf sent;
	struct str header = str_head(strbuf_str(&p->content), (size_t)p->body.stats.header_size);
	strbuf_init(&sent, CONTENT_MAX);
	fuzz_check(header_edit(header, &keep, &sent), "there is room for the header");
	fuzz_check_canonical(strbuf_str(&sent));
	check_sent(strbuf_str(&sent), p, one_address);
	strbuf_done(&sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	unsigned choices = fuzz_byte(&in), cut = fuzz_byte(&in);
	enum body_in_mode mode = (choices & 3) % MODES;
	bool one_address = (choices & ONE_ADDRESS) != 0;
	char pattern[sizeof(allowed_address)];
	char *patterns[] = { pattern };
	const struct device_config row = { .senders = { patterns, 1 } };
	const struct access access = { .device = "ups", .row = &row };
	const struct policy policy = { .access = &access, .row = &row };
	struct strbuf stream;
	struct passed whole, pieces;
	memcpy(pattern, one_address ? allowed_address : allowed_domain,
	       one_address ? sizeof(allowed_address) : sizeof(allowed_domain));
	strbuf_init(&stream, CONTENT_MAX);
	strbuf_addstr(&stream, in);
	if (mode != BODY_IN_BDAT)
		strbuf_adds(&stream, "\r\n.\r\n");
	pass(mode, strbuf_str(&stream), 0, &policy, &whole);
	pass(mode, strbuf_str(&stream), cut, &policy, &pieces);
	check_same(&whole, &pieces);
	check_upstream(&whole, one_address);
	check_upstream(&pieces, one_address);
	passed_done(&whole);
	passed_done(&pieces);
	strbuf_done(&stream);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/strbuf.h"
#include "message/from_field.h"
#include "message/header.h"
#include "tests/fuzz/fuzz.h"

/*
 * The header section and its edits.
 * Input: a byte of choices (bit 0: a mailbox is set, bit 1: any sender may stay), then the header;
 * it is made canonical first, since nothing else gets there.
 */
enum {
	HEADER_MAX = 1 << 20,
	SET_MAILBOX = 1,
	MAY_STAY = 2,
};

static const char mailbox[] = "scanner@contoso.com";

static bool may_stay(const void *arg, struct str address)
{
	const unsigned *choices = arg;
	fuzz_check(str_chr(address, '@') >= 0, "a sender is an address");
	return (*choices & MAY_STAY) != 0;
}

static void make_canonical(struct str in, struct strbuf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n')
			strbuf_adds(out, "\r\n");
		else if (in.p[i] != '\r' && in.p[i] != '\0')
			strbuf_addc(out, in.p[i]);
	}
	if (out->n != 0 && out->p[out->n - 1] != '\n')
		strbuf_adds(out, "\r\n");
}

static void check_from(struct str value)
{
	struct from_field from;
	struct strbuf out;
	from_field_parse(value, &from);
	strbuf_init(&out, HEADER_MAX);
	from_field_append(&out, from.display, mailbox);
	fuzz_check(str_iends(strbuf_str(&out), STR("<scanner@contoso.com>")) ||
			   str_eq(strbuf_str(&out), str_of(mailbox)),
		   "the mailbox is the address");
	struct from_field again;
	from_field_parse(strbuf_str(&out), &again);
	fuzz_check(again.single && str_eq(strbuf_str(&again.address), str_of(mailbox)),
		   "a field that was written is one mailbox");
	from_field_done(&again);
	fuzz_check(!from.single || str_chr(strbuf_str(&from.address), '@') >= 0,
		   "one mailbox has an address");
	from_field_done(&from);
	strbuf_done(&out);
}

static void walk(struct str header, bool look_inside)
{
	struct header_field field;
	struct str rest = header;
	while (header_next(&rest, &field)) {
		fuzz_check(field.name.n != 0 && field.raw.n > field.name.n, "a field has a name");
		fuzz_check(field.raw.p + field.raw.n == rest.p || rest.n == 0,
			   "fields follow each other");
		if (look_inside)
			check_from(field.value);
	}
}

/* Date, Message-ID and From are there; with a mailbox From is there once and says what may. */
static void check_edited(struct str edited, unsigned choices)
{
	struct header_field field;
	struct str rest = edited;
	unsigned count = 0;
	fuzz_check_canonical(edited);
	fuzz_check(edited.n >= 2 && memcmp(edited.p + edited.n - 2, "\r\n", 2) == 0,
		   "the header ends with an empty line");
	fuzz_check(header_find(edited, STR("From"), &field), "there is a From");
	fuzz_check(header_find(edited, STR("Date"), &field), "there is a Date");
	fuzz_check(header_find(edited, STR("Message-ID"), &field), "there is a Message-ID");
	while ((choices & SET_MAILBOX) != 0 && header_next(&rest, &field)) {
		struct from_field from;
		if (!str_ieq(field.name, STR("From")))
			continue;
		fuzz_check(++count == 1, "there is one From");
		from_field_parse(field.value, &from);
		fuzz_check(from.single, "From is one mailbox");
		if ((choices & MAY_STAY) == 0)
			fuzz_check(str_eq(strbuf_str(&from.address), str_of(mailbox)),
				   "From is the mailbox");
		from_field_done(&from);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	unsigned choices = fuzz_byte(&in);
	const struct header_edit edit = {
		.mailbox = (choices & SET_MAILBOX) != 0 ? mailbox : NULL,
		.from = "sender@printer.local",
		.may_stay = may_stay,
		.arg = &choices,
		.id = "0123456789abcdef0123456789abcdef",
		.hostname = "relay.contoso.com",
		.accepted_ms = 1795359000000,
	};
	struct strbuf header, out;
	strbuf_init(&header, HEADER_MAX);
	strbuf_init(&out, HEADER_MAX);
	make_canonical(str_head(in, HEADER_MAX / 4), &header);
	walk(strbuf_str(&header), true);
	if (header_edit(strbuf_str(&header), &edit, &out)) {
		walk(strbuf_str(&out), false);
		check_edited(strbuf_str(&out), choices);
	} else {
		fuzz_check(out.overflow, "an edit fails for want of room only");
	}
	strbuf_done(&header);
	strbuf_done(&out);
	return 0;
}

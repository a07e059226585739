/* SPDX-License-Identifier: MIT */
#include "message/header.h"

#include "common/attr.h"
#include "common/clock.h"
#include "message/from_field.h"

static bool is_field_start(struct str line, size_t *colon)
{
	ptrdiff_t at = str_chr(line, ':');
	if (at <= 0)
		return false;
	struct str name = str_trim(str_head(line, (size_t)at));
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= 0x20 || name.p[i] >= 0x7f)
			return false;
	*colon = (size_t)at;
	return name.n != 0;
}

/* Length of the line that starts s, its LF included; 0 when there is none. */
static size_t line_length(struct str s)
{
	ptrdiff_t lf = str_chr(s, '\n');
	return lf >= 0 ? (size_t)lf + 1 : s.n;
}

bool header_next(struct str *rest, struct header_field *out)
{
	size_t colon;
	size_t n = line_length(*rest);
	struct str first = str_head(*rest, n);
	if (n == 0 || first.p[0] == '\r' || first.p[0] == '\n' || first.p[0] == ' ' ||
	    first.p[0] == '\t' || !is_field_start(first, &colon))
		return false;
	while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'))
		n += line_length(str_skip(*rest, n));
	out->raw = str_head(*rest, n);
	out->name = str_trim(str_head(first, colon));
	out->value = str_skip(out->raw, colon + 1);
	*rest = str_skip(*rest, n);
	return true;
}

bool header_find(struct str header, struct str name, struct header_field *out)
{
	while (header_next(&header, out))
		if (str_ieq(out->name, name))
			return true;
	return false;
}

/* --- editing ------------------------------------------------------------------------------- */

enum field_kind {
	FIELD_OTHER,
	FIELD_FROM,
	FIELD_SENDER,
	FIELD_DATE,
	FIELD_MESSAGE_ID,
	FIELD_DROP
};

static const struct kind_row {
	const char *name;
	enum field_kind kind;
} kinds[] = {
	{ "From", FIELD_FROM }, { "Sender", FIELD_SENDER },
	{ "Date", FIELD_DATE }, { "Message-ID", FIELD_MESSAGE_ID },
	{ "Bcc", FIELD_DROP },	{ "Return-Path", FIELD_DROP },
};

struct seen {
	bool from;
	bool date;
	bool message_id;
};

static enum field_kind kind_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_ieq(name, str_of(kinds[i].name)))
			return kinds[i].kind;
	return FIELD_OTHER;
}

static bool sender_may_stay(const struct header_edit *edit, const struct from_field *from)
{
	return from->single && edit->may_stay(edit->arg, strbuf_str(&from->address));
}

/* The address stays. The field does too, if Exchange reads it as we do: it takes the @ of
 * `scan@3f <a@b.c>` for another sender's, and `From :` for no From at all. */
static void add_as_it_is(const struct header_field *field, const struct from_field *from,
			 const char *name, struct strbuf *out)
{
	if (from->strict && field->raw.p[field->name.n] == ':') {
		strbuf_addstr(out, field->raw);
		return;
	}
	strbuf_addf(out, "%s: ", name);
	from_field_append(out, from->display, strbuf_cstr(&from->address));
	strbuf_adds(out, "\r\n");
}

static void add_from(const struct header_edit *edit, const struct header_field *field,
		     struct strbuf *out)
{
	struct from_field from;
	from_field_parse(field->value, &from);
	if (sender_may_stay(edit, &from)) {
		add_as_it_is(field, &from, "From", out);
	} else {
		strbuf_adds(out, "From: ");
		from_field_append(out, from.single ? from.display : STR(""), edit->mailbox);
		strbuf_adds(out, "\r\n");
	}
	from_field_done(&from);
}

static void add_sender(const struct header_edit *edit, const struct header_field *field,
		       struct strbuf *out)
{
	struct from_field sender;
	from_field_parse(field->value, &sender);
	if (sender_may_stay(edit, &sender))
		add_as_it_is(field, &sender, "Sender", out);
	from_field_done(&sender);
}

static void add_field(const struct header_edit *edit, const struct header_field *field,
		      struct seen *seen, struct strbuf *out)
{
	enum field_kind kind = kind_of(field->name);
	bool second_from = kind == FIELD_FROM && seen->from;
	seen->from |= kind == FIELD_FROM;
	seen->date |= kind == FIELD_DATE;
	seen->message_id |= kind == FIELD_MESSAGE_ID;
	if (kind == FIELD_DROP)
		return;
	if (edit->mailbox != NULL && kind == FIELD_FROM) {
		if (!second_from)
			add_from(edit, field, out);
	} else if (edit->mailbox != NULL && kind == FIELD_SENDER) {
		add_sender(edit, field, out);
	} else {
		strbuf_addstr(out, field->raw);
	}
}

bool header_edit(struct str header, const struct header_edit *edit, struct strbuf *out)
{
	struct header_field field;
	struct seen seen = { 0 };
	while (header_next(&header, &field))
		add_field(edit, &field, &seen, out);
	const char *from = edit->mailbox != NULL ? edit->mailbox : edit->from;
	if (!seen.from && from[0] != '\0')
		strbuf_addf(out, "From: %s\r\n", from);
	if (!seen.date) {
		strbuf_adds(out, "Date: ");
		clock_append_rfc5322(out, edit->accepted_ms);
		strbuf_adds(out, "\r\n");
	}
	if (!seen.message_id)
		strbuf_addf(out, "Message-ID: <%s@%s>\r\n", edit->id, edit->hostname);
	strbuf_adds(out, "\r\n");
	return !out->overflow;
}

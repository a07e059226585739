/* SPDX-License-Identifier: MIT */
#include "message/sender_capture.h"

#include "message/from_field.h"
#include "message/header.h"

enum {
	NAME_MAX_LENGTH = 16 /* longer than any that is wanted */
};

static const char *const wanted[] = { "From", "Sender", "Resent-From", "Resent-Sender" };

static bool is_wanted(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (str_ieq(name, str_of(wanted[i])))
			return true;
	return false;
}

void sender_capture_init(struct sender_capture *c)
{
	*c = (struct sender_capture){ .at_start = true };
	strbuf_init(&c->fields, SENDER_CAPTURE_MAX);
	strbuf_init(&c->name, NAME_MAX_LENGTH);
}

void sender_capture_done(struct sender_capture *c)
{
	strbuf_done(&c->fields);
	strbuf_done(&c->name);
}

static void begin_value(struct sender_capture *c)
{
	c->keeping = !c->name.overflow && is_wanted(strbuf_str(&c->name));
	c->in_value = true;
	if (c->keeping) {
		strbuf_addstr(&c->fields, strbuf_str(&c->name));
		strbuf_addc(&c->fields, ':');
	}
}

/* A byte of a name, or of what turns out to be no field; then the header is over. */
static void name_byte(struct sender_capture *c, char byte)
{
	bool blank = byte == ' ' || byte == '\t';
	if (c->at_start) {
		c->at_start = false;
		if (blank) { /* goes on with the field before it */
			c->in_value = true;
			if (c->keeping)
				strbuf_addc(&c->fields, byte);
			return;
		}
		strbuf_done(&c->name);
	}
	if (byte == ':')
		begin_value(c);
	else if (byte == '\n')
		c->at_start = true;
	else if (!blank) /* those before the colon do not belong to the name */
		strbuf_addc(&c->name, byte);
}

void sender_capture_feed(struct sender_capture *c, struct str bytes, const struct body_stats *stats)
{
	uint64_t start = stats->size - bytes.n;
	if (start >= stats->header_size)
		return;
	bytes = str_head(bytes, (size_t)(stats->header_size - start));
	while (bytes.n != 0) {
		ptrdiff_t lf = c->in_value ? str_chr(bytes, '\n') : 0;
		size_t n = lf >= 0 ? (size_t)lf + 1 : bytes.n;
		if (!c->in_value) {
			name_byte(c, bytes.p[0]);
		} else {
			if (c->keeping)
				strbuf_addstr(&c->fields, str_head(bytes, n));
			c->in_value = lf < 0;
			c->at_start = lf >= 0;
		}
		bytes = str_skip(bytes, n);
	}
}

/* "root (Cron Daemon)": nobody's address yet, so it cannot be taken for another's. */
static bool is_bare_name(struct str text, const struct from_field *mailbox)
{
	struct str name = strbuf_str(&mailbox->address);
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) && str_chr(STR("._-"), name.p[i]) < 0)
			return false;
	return name.n != 0 && str_chr(text, '@') < 0;
}

static bool check_mailbox(struct str text, const char *default_domain, sender_allowed *is_allowed,
			  const void *arg, struct strbuf *scratch, struct sender_field *out)
{
	struct from_field mailbox;
	from_field_parse(text, &mailbox);
	bool completed = !mailbox.single && mailbox.plain && str_of(default_domain).n != 0 &&
			 is_bare_name(text, &mailbox);
	out->readable = (mailbox.single && mailbox.plain) || completed;
	strbuf_reset(scratch);
	if (out->readable)
		strbuf_addstr(scratch, strbuf_str(&mailbox.address));
	if (completed)
		strbuf_addf(scratch, "@%s", default_domain);
	from_field_done(&mailbox);
	out->address = strbuf_str(scratch);
	return out->readable && is_allowed(arg, out->address);
}

bool sender_capture_check(const struct sender_capture *c, sender_allowed *allowed, const void *arg,
			  struct strbuf *scratch, struct sender_field *out)
{
	struct str rest = strbuf_str(&c->fields);
	struct header_field field;
	while (header_next(&rest, &field)) {
		struct str list = field.value;
		struct str mailbox;
		out->name = field.name;
		do {
			mailbox = from_field_next(&list);
			if (!check_mailbox(mailbox, c->default_domain, allowed, arg, scratch, out))
				return false;
		} while (list.p != NULL);
	}
	return true;
}

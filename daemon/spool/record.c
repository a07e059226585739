/* SPDX-License-Identifier: MIT */
#include "spool/record.h"

#include <inttypes.h>
#include <limits.h>

#include "common/base64.h"

enum {
	CHECK_DIGITS = 16,
	BLOCK = 512
};

static const struct str magics[RECORD_TYPE_COUNT] = {
	[RECORD_ENVELOPE] = { RECORD_VERSION " envelope ",
			      sizeof(RECORD_VERSION " envelope ") - 1 },
	[RECORD_END] = { RECORD_VERSION " end ", sizeof(RECORD_VERSION " end ") - 1 },
	[RECORD_PROGRESS] = { RECORD_VERSION " progress ",
			      sizeof(RECORD_VERSION " progress ") - 1 },
};

struct str record_magic(enum record_type type)
{
	return magics[type];
}

/* Cuts what is before the next `stop` off *rest, and that too. */
static bool cut(struct str *rest, char stop, struct str *out)
{
	ptrdiff_t n = str_chr(*rest, stop);
	if (n < 0)
		return false;
	*out = str_head(*rest, (size_t)n);
	*rest = str_skip(*rest, (size_t)n + 1);
	return true;
}

/* One number has one spelling: no sign, no leading zero. */
static bool parse_number(struct str text, uint64_t max, uint64_t *out)
{
	return (text.n == 1 || (text.n != 0 && text.p[0] != '0')) && str_to_u64(text, max, out);
}

bool record_head_parse(struct str bytes, struct record_head *out)
{
	struct record_head head = { .type = RECORD_ENVELOPE };
	struct str rest = str_head(bytes, RECORD_HEAD_MAX);
	struct str length;
	uint64_t value;
	size_t all = rest.n;
	while (!str_starts(rest, magics[head.type]))
		if (++head.type == RECORD_TYPE_COUNT)
			return false;
	rest = str_skip(rest, magics[head.type].n);
	if (!cut(&rest, ' ', &length) || !cut(&rest, ' ', &head.check))
		return false;
	if (!parse_number(length, RECORD_ENVELOPE_MAX, &value) || head.check.n != CHECK_DIGITS)
		return false;
	head.length = (size_t)value;
	head.head_length = all - rest.n;
	*out = head;
	return true;
}

static void append_check(struct strbuf *out, struct str payload)
{
	struct sha256 sum = digest_of(payload);
	hex_encode(out, sum.b, CHECK_DIGITS / 2);
}

bool record_check_agrees(const struct record_head *head, struct str payload)
{
	struct strbuf check;
	strbuf_init(&check, CHECK_DIGITS);
	append_check(&check, payload);
	bool agrees = str_eq(strbuf_str(&check), head->check);
	strbuf_done(&check);
	return agrees;
}

bool record_parse(struct str bytes, enum record_type type, struct str *payload, size_t *line)
{
	struct record_head head;
	if (!record_head_parse(bytes, &head) || head.type != type)
		return false;
	struct str rest = str_skip(bytes, head.head_length);
	if (rest.n < head.length + 1 || rest.p[head.length] != '\n')
		return false;
	rest = str_head(rest, head.length);
	if (!record_check_agrees(&head, rest))
		return false;
	*payload = rest;
	*line = head.head_length + head.length + 1;
	return true;
}

bool record_append(struct strbuf *out, enum record_type type, struct str payload)
{
	strbuf_addstr(out, magics[type]);
	strbuf_addf(out, "%zu ", payload.n);
	append_check(out, payload);
	strbuf_addc(out, ' ');
	strbuf_addstr(out, payload);
	strbuf_addc(out, '\n');
	return !out->overflow;
}

/* Payload and record are built in this order for END and progress; neither can grow too long. */
static void append_short(struct strbuf *out, enum record_type type, struct strbuf *payload)
{
	if (payload->overflow || !record_append(out, type, strbuf_str(payload)))
		out->overflow = true;
	strbuf_done(payload);
}

void record_append_end(struct strbuf *out, const struct record_end *end)
{
	struct strbuf payload;
	strbuf_init(&payload, RECORD_LINE_MAX - RECORD_HEAD_MAX);
	strbuf_adds(&payload, "id=");
	msgid_append(&payload, &end->id);
	strbuf_addf(&payload, " at=%" PRIu64 " size=%" PRIu64, end->content_at, end->stats.size);
	strbuf_addf(&payload, " header=%" PRIu64 " header_done=%d", end->stats.header_size,
		    end->stats.header_done);
	strbuf_addf(&payload, " longest=%" PRIu64 " eight_bit=%d", end->stats.longest_line,
		    end->stats.eight_bit);
	/* Only where it says something, so that an earlier version can read the rest. */
	if (end->stats.eight_bit_header)
		strbuf_adds(&payload, " eight_bit_header=1");
	strbuf_addf(&payload,
		    " received=%u recipients=%" PRIu32 " sha256=", end->stats.received_count,
		    end->recipients);
	hex_encode(&payload, end->sum.b, sizeof(end->sum.b));
	append_short(out, RECORD_END, &payload);
}

/* Takes "KEY=VALUE" and the blank behind it; the last one's value is the rest. */
static bool take(struct str *rest, const char *key, struct str *value)
{
	struct str name = str_of(key);
	if (!str_starts(*rest, name) || rest->n == name.n || rest->p[name.n] != '=')
		return false;
	*rest = str_skip(*rest, name.n + 1);
	if (cut(rest, ' ', value))
		return true;
	*value = *rest;
	*rest = str_skip(*rest, rest->n);
	return true;
}

static bool take_number(struct str *rest, const char *key, uint64_t max, uint64_t *out)
{
	struct str value;
	return take(rest, key, &value) && parse_number(value, max, out);
}

static bool take_flag(struct str *rest, const char *key, bool *out)
{
	uint64_t value;
	if (!take_number(rest, key, 1, &value))
		return false;
	*out = value == 1;
	return true;
}

/* A flag that files of earlier versions do not have. */
static bool take_newer_flag(struct str *rest, const char *key, bool *out)
{
	*out = false;
	return !str_starts(*rest, str_of(key)) || take_flag(rest, key, out);
}

/* Positions beyond this are no file's. */
static const uint64_t size_max = INT64_MAX / 4;

bool record_parse_end(struct str payload, struct record_end *out)
{
	struct record_end end = { .content_at = 0 };
	struct body_stats *stats = &end.stats;
	struct str text;
	uint64_t received, recipients;
	if (!take(&payload, "id", &text) || !msgid_parse(text, &end.id) ||
	    !take_number(&payload, "at", size_max, &end.content_at) ||
	    !take_number(&payload, "size", size_max, &stats->size) ||
	    !take_number(&payload, "header", stats->size, &stats->header_size) ||
	    !take_flag(&payload, "header_done", &stats->header_done) ||
	    !take_number(&payload, "longest", stats->size, &stats->longest_line) ||
	    !take_flag(&payload, "eight_bit", &stats->eight_bit) ||
	    !take_newer_flag(&payload, "eight_bit_header", &stats->eight_bit_header) ||
	    !take_number(&payload, "received", UINT_MAX, &received) ||
	    !take_number(&payload, "recipients", UINT32_MAX, &recipients))
		return false;
	if (!take(&payload, "sha256", &text) || payload.n != 0 ||
	    !hex_decode(text, end.sum.b, sizeof(end.sum.b)))
		return false;
	stats->received_count = (unsigned)received;
	end.recipients = (uint32_t)recipients;
	*out = end;
	return true;
}

/* A reply is foreign text: one line of printable ASCII comes out, %XX for the rest. */
static void append_reply(struct strbuf *out, struct str reply)
{
	reply = str_head(reply, RECORD_REPLY_MAX);
	for (size_t i = 0; i < reply.n; i++) {
		if (ascii_is_print(reply.p[i]) && reply.p[i] != '%') {
			strbuf_addc(out, reply.p[i]);
			continue;
		}
		strbuf_addc(out, '%');
		hex_encode(out, &reply.p[i], 1);
	}
}

static bool parse_reply(struct str text, struct strbuf *out)
{
	while (text.n != 0) {
		char c = text.p[0];
		text = str_skip(text, 1);
		if (!ascii_is_print(c))
			return false;
		if (c == '%') {
			if (!hex_decode(str_head(text, 2), &c, 1))
				return false;
			text = str_skip(text, 2);
		}
		strbuf_addc(out, c);
	}
	return !out->overflow;
}

void record_append_progress(struct strbuf *out, uint32_t number, const struct progress *progress)
{
	struct strbuf payload;
	strbuf_init(&payload, RECORD_LINE_MAX - RECORD_HEAD_MAX);
	strbuf_addf(&payload, "n=%" PRIu32 " to=", number);
	if (progress->recipient == PROGRESS_MESSAGE)
		strbuf_addc(&payload, '*');
	else
		strbuf_addf(&payload, "%" PRIu32, progress->recipient);
	strbuf_addf(&payload, " state=%s attempts=%" PRIu32 " next=%" PRIu64 " reply=",
		    progress_state_name(progress->state), progress->attempts,
		    progress->next_ms > 0 ? (uint64_t)progress->next_ms : 0);
	append_reply(&payload, progress->reply);
	append_short(out, RECORD_PROGRESS, &payload);
}

static bool parse_state(struct str name, enum progress_state *out)
{
	for (unsigned i = 0; i < PROGRESS_COUNT; i++)
		if (str_eq(name, str_of(progress_state_name((enum progress_state)i)))) {
			*out = (enum progress_state)i;
			return true;
		}
	return false;
}

bool record_parse_progress(struct str payload, uint32_t *n, struct progress *out,
			   struct strbuf *reply)
{
	struct progress p = { .recipient = PROGRESS_MESSAGE };
	struct str text;
	uint64_t count, recipient, attempts, next;
	size_t before = reply->n;
	if (!take_number(&payload, "n", UINT32_MAX, &count) || !take(&payload, "to", &text))
		return false;
	if (!str_eq(text, STR("*"))) {
		if (!parse_number(text, UINT32_MAX - 1, &recipient))
			return false;
		p.recipient = (uint32_t)recipient;
	}
	if (!take(&payload, "state", &text) || !parse_state(text, &p.state) ||
	    !take_number(&payload, "attempts", UINT32_MAX, &attempts) ||
	    !take_number(&payload, "next", INT64_MAX, &next))
		return false;
	if (!str_starts(payload, STR("reply=")) || !parse_reply(str_skip(payload, 6), reply))
		return false;
	p.attempts = (uint32_t)attempts;
	p.next_ms = (int64_t)next;
	p.reply = str_skip(strbuf_str(reply), before);
	*n = (uint32_t)count;
	*out = p;
	return true;
}

bool record_is_torn(struct str tail, uint64_t at)
{
	struct record_head head;
	bool has_head = record_head_parse(tail, &head);
	struct str payload = has_head ? str_skip(tail, head.head_length) : tail;
	bool is_whole = has_head && payload.n > head.length;
	if (is_whole && record_check_agrees(&head, str_head(payload, head.length)))
		return false; /* only the line feed is wrong, and that is no accident of writing */
	ptrdiff_t nul = str_chr(tail, '\0');
	if (nul >= 0) {
		size_t i = (size_t)nul;
		while (i < tail.n && tail.p[i] == '\0')
			i++;
		return i == tail.n || (at + i) % BLOCK == 0;
	}
	return tail.n < RECORD_LINE_MAX && str_chr(tail, '\n') < 0 && !is_whole;
}

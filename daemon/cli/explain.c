/* SPDX-License-Identifier: MIT */
#include "cli/explain.h"

#include <stdio.h>
#include <string.h>

#include "common/attr.h"
#include "config/nearest.h"
#include "oauth/aadsts.h"
#include "oauth/oauth_error.h"
#include "queue/reply_rules.h"

#define HELD                                                                                      \
	"holds the account: its mail waits, does not grow too old, and goes on by itself; tried " \
	"again after 5, 15, 30, then every 60 minutes, and at once after a reload"
#define EXCHANGE "an administrator of the tenant (Exchange Administrator)"

enum {
	WORD_MAX = 40,
	TEXT_MAX = REPLY_TEXT_MAX / 2, /* of a reply's words */
	AADSTS_DIGITS_MIN = 5,
};

static const char tries_again[] =
	"tries again by itself after 1, 2, 4 seconds, up to 5 minutes, or when the endpoint says; "
	"a token that is still good goes on being used";

static const char waits_for_sign_in[] =
	"holds the account until somebody has signed in: its mail waits and does not grow too old";

static const char *const class_effects[TOKEN_FAIL_COUNT] = {
	[TOKEN_FAIL_TRANSIENT] = tries_again,
	[TOKEN_FAIL_CONFIG] = HELD,
	[TOKEN_FAIL_LOGIN] = waits_for_sign_in,
	[TOKEN_FAIL_POLL] = "asks again after the interval it was told",
};

static const struct {
	const char *meaning;
	const char *effect;
	const char *fixer; /* NULL: nobody has to */
} verdicts[VERDICT_COUNT] = {
	[VERDICT_DELIVERED] = { "the server has accepted it", "is done with it", NULL },
	[VERDICT_RETRY] = { "something that passes", "tries again later", NULL },
	[VERDICT_RECONNECT] = { "the server has ended the connection", "connects again", NULL },
	[VERDICT_THROTTLE] = { "too much at once, or in a minute",
			       "lets the account pause for some seconds and tries again", NULL },
	[VERDICT_SLOW] = { "a limit of the day or of the hour has been reached",
			   "lets the account pause for an hour and tries again; its mail does not "
			   "grow too old for that",
			   NULL },
	[VERDICT_REFRESH] = { "the server does not accept the token, or does not let its owner use "
			      "the mailbox",
			      "gets a new token and tries once more; if that is refused, too, it " HELD,
			      EXCHANGE },
	[VERDICT_HOLD] = { "the server refuses the account until something has been changed", HELD,
			   EXCHANGE },
	[VERDICT_SENDER] = { "the account may not send as this sender",
			     "keeps this sender's mail and tries again later", EXCHANGE },
	[VERDICT_SPLIT] = { "too many recipients at once", "sends to the others right afterwards",
			    NULL },
	[VERDICT_FAIL] = { "refused for good: the same again would be refused again",
			   "keeps the message as failed, with the server's words", NULL },
};

/* RFC 3463 3: the second number. */
static const char *const subjects[] = {
	"something else", "an address",	  "the mailbox", "the mail system",
	"the network",	  "the protocol", "the content", "security or a policy",
};

/* ---- token endpoints */

static void set_code(struct explanation *out, struct str code)
{
	struct str head = str_head(code, WORD_MAX);
	memmove(out->code, head.p, head.n);
	out->code[head.n] = '\0';
}

static void set_class(struct explanation *out, enum token_failure_class class, enum advice advice,
		      const struct account_config *account)
{
	out->known = true;
	out->class = token_failure_class_name(class);
	out->effect = class_effects[class];
	out->fixer = advice_fixer(advice);
	out->remedy = advice_remedy(advice, account);
}

static void guess_number(struct explanation *out, struct str digits)
{
	size_t count, least = 2 * (digits.n / 3) + 2;
	const struct aadsts_row *rows = aadsts_rows(&count);
	for (size_t i = 0; i < count; i++) {
		char number[16];
		snprintf(number, sizeof(number), "%u", rows[i].code);
		/* Of two that are equally near, the one that is as long. */
		size_t distance = 2 * edit_distance(digits, str_of(number)) +
				  (strlen(number) != digits.n ? 1 : 0);
		if (distance >= least)
			continue;
		least = distance;
		snprintf(out->guess, sizeof(out->guess), "AADSTS%s", number);
	}
}

static bool explain_aadsts(struct str digits, const struct account_config *account,
			   struct explanation *out)
{
	uint64_t number;
	if (!str_to_u64(digits, UINT32_MAX, &number))
		return false;
	const struct aadsts_row *row = aadsts_find((uint32_t)number);
	snprintf(out->code, sizeof(out->code), "AADSTS%u", (unsigned)number);
	snprintf(out->link, sizeof(out->link), "https://login.microsoftonline.com/error?code=%u",
		 (unsigned)number);
	if (row == NULL) {
		guess_number(out, digits);
		return true;
	}
	set_class(out, row->class, row->advice, account);
	out->credential = row->credential;
	out->meaning = row->meaning;
	return true;
}

static bool explain_row(const struct oauth_error_row *row, struct str code,
			const struct account_config *account, struct explanation *out)
{
	if (row == NULL)
		return false;
	set_code(out, code);
	set_class(out, row->class, row->advice, account);
	out->credential = row->credential;
	out->meaning = row->meaning;
	return true;
}

/* ---- mail servers */

/* The row of the table that comes first, at whatever stage; NULL: none but the defaults. */
static const struct reply_rule *rule_for(const struct reply *reply)
{
	size_t count;
	const struct reply_rule *rules = reply_rules(&count);
	const struct reply_rule *best = NULL;
	for (enum upstream_stage stage = STAGE_CONNECT; stage <= STAGE_IDLE; stage++) {
		const struct reply_rule *rule = reply_rule_for(stage, reply);
		bool in_table = rule >= rules && rule < rules + count;
		if (in_table && (best == NULL || rule < best))
			best = rule;
	}
	return best;
}

/* shown: the code as it was found; empty: by its words alone. */
static bool explain_reply(unsigned code, const struct strbuf *text, struct str shown,
			  struct explanation *out)
{
	struct reply reply = { 0 };
	reply_set(&reply, code, strbuf_cstr(text));
	const struct reply_rule *rule = rule_for(&reply);
	const char *needle = rule != NULL ? rule->needle : NULL;
	unsigned subject = reply.enhanced[1];
	reply_done(&reply);
	if (code == 0 && needle == NULL)
		return false;
	set_code(out, needle != NULL && shown.n == 0 ? str_of(needle) : shown);
	if (rule == NULL) {
		out->meaning = code < 500 ? "a passing refusal" : "a refusal for good";
		out->effect = code < 500 ? verdicts[VERDICT_RETRY].effect
					 : "goes by where in the dialogue it was said";
		if (subject != 0 && subject < ARRAY_LEN(subjects))
			out->about = subjects[subject];
		return true;
	}
	out->known = true;
	out->class = verdict_name(rule->verdict);
	out->meaning = verdicts[rule->verdict].meaning;
	out->effect = verdicts[rule->verdict].effect;
	out->fixer = verdicts[rule->verdict].fixer;
	out->remedy = rule->remedy;
	return true;
}

/* ---- finding codes in a text */

struct words {
	struct str rest;
	struct str word;
	struct str from; /* the text from the word on */
	size_t index;
};

static bool is_word_char(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '.';
}

/* Letters, digits, "_" and "." in a row; the latter not at the end. */
static bool next_word(struct words *w)
{
	size_t n = 0;
	while (w->rest.n != 0 && !is_word_char(w->rest.p[0]))
		w->rest = str_skip(w->rest, 1);
	while (n < w->rest.n && is_word_char(w->rest.p[n]))
		n++;
	w->from = w->rest;
	w->word = str_head(w->rest, n);
	w->rest = str_skip(w->rest, n);
	while (w->word.n != 0 && w->word.p[w->word.n - 1] == '.')
		w->word.n--;
	w->index++;
	return w->from.n != 0;
}

static size_t digits_at(struct str text)
{
	size_t n = 0;
	while (n < text.n && ascii_is_digit(text.p[n]))
		n++;
	return n;
}

/* "5.7.139": one digit, then twice up to three. */
static bool is_enhanced(struct str word)
{
	if (word.n < 5 || (word.p[0] != '4' && word.p[0] != '5') || word.p[1] != '.')
		return false;
	struct str second = str_skip(word, 2);
	size_t n = digits_at(second);
	struct str third = str_skip(second, n + 1);
	return n >= 1 && n <= 3 && n < second.n && second.p[n] == '.' && third.n >= 1 &&
	       third.n <= 3 && digits_at(third) == third.n;
}

static bool is_reply_code(struct str word)
{
	return word.n == 3 && digits_at(word) == 3 && (word.p[0] == '4' || word.p[0] == '5');
}

static unsigned number_of(struct str word)
{
	uint64_t number = 0;
	return str_to_u64(word, UINT32_MAX, &number) ? (unsigned)number : 0;
}

/* The first that is known; else the first. */
static bool find_aadsts(struct str text, const struct account_config *account,
			struct explanation *out)
{
	struct words w = { .rest = text };
	bool found = false;
	while (!out->known && next_word(&w)) {
		struct str digits = str_skip(w.word, 6);
		struct explanation one = *out;
		digits = str_head(digits, digits_at(digits));
		if (!str_istarts(w.word, STR("AADSTS")) || !explain_aadsts(digits, account, &one))
			continue;
		if (!found || one.known)
			*out = one;
		found = true;
	}
	return found;
}

/* {"error_codes":[7000222]}, error?code=7000222, or nothing but the number. */
static bool find_bare_number(struct str text, const struct account_config *account,
			     struct explanation *out)
{
	static const char *const before[] = { "error_codes", "error?code" };
	struct str trimmed = str_trim(text);
	if (trimmed.n >= AADSTS_DIGITS_MIN && digits_at(trimmed) == trimmed.n)
		return explain_aadsts(trimmed, account, out);
	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		ptrdiff_t at = str_icontains(text, str_of(before[i]));
		struct words w = {
			.rest = str_skip(text, at < 0 ? text.n : (size_t)at + strlen(before[i]))
		};
		if (next_word(&w) && digits_at(w.word) == w.word.n && w.word.n >= AADSTS_DIGITS_MIN)
			return explain_aadsts(w.word, account, out);
	}
	return false;
}

/* "535 5.7.139 ...", "550-5.7.60", "5.7.60", wherever they stand. */
static bool find_enhanced(struct str text, struct explanation *out)
{
	struct words w = { .rest = text };
	unsigned code = 0;
	struct strbuf whole;
	bool found = false;
	strbuf_init(&whole, REPLY_TEXT_MAX);
	for (; !found && next_word(&w); code = is_reply_code(w.word) ? number_of(w.word) : 0) {
		if (!is_enhanced(w.word))
			continue;
		/* The number before it may be another thing. */
		bool fits = code / 100 == (unsigned)(w.word.p[0] - '0');
		if (!fits)
			code = w.word.p[0] == '4' ? 450 : 550;
		else
			strbuf_addf(&whole, "%u ", code);
		strbuf_addstr(&whole, w.word);
		set_code(out, strbuf_str(&whole));
		strbuf_reset(&whole);
		strbuf_addstr(&whole, w.word);
		strbuf_addc(&whole, ' ');
		strbuf_addstr(&whole, str_head(w.from, TEXT_MAX));
		found = explain_reply(code, &whole, str_of(out->code), out);
	}
	strbuf_done(&whole);
	return found;
}

/* http-429, HTTP 429, HTTP/1.1 429, status 429; "code=bad-reply" */
static bool find_trouble(struct str text, const struct account_config *account,
			 struct explanation *out)
{
	struct words w = { .rest = text };
	bool after = false;
	char code[WORD_MAX];
	const struct oauth_error_row *row = oauth_trouble_find(str_trim(text));
	if (row != NULL)
		return explain_row(row, str_trim(text), account, out);
	while (next_word(&w)) {
		if (after && w.word.n == 3 && digits_at(w.word) == 3 && w.word.p[0] >= '3') {
			int n = snprintf(code, sizeof(code), "http-%.3s", w.word.p);
			struct str name = { code, (size_t)n };
			return explain_row(oauth_trouble_find(name), name, account, out);
		}
		after = str_ieq(w.word, STR("http")) || str_ieq(w.word, STR("status")) ||
			(after && w.word.n != 0 && ascii_is_digit(w.word.p[0]));
	}
	ptrdiff_t at = str_icontains(text, STR("code="));
	struct str value = str_skip(text, at < 0 ? text.n : (size_t)at + 5);
	ptrdiff_t end = str_chr(value, ' ');
	value = end >= 0 ? str_head(value, (size_t)end) : value;
	return explain_row(oauth_trouble_find(value), value, account, out);
}

static bool find_word(struct str text, const struct account_config *account,
		      struct explanation *out)
{
	struct words w = { .rest = text };
	while (next_word(&w))
		if (explain_row(oauth_error_find(w.word), w.word, account, out))
			return true;
	return false;
}

/* "535 Authentication failed": a code at the beginning; or a text that the rules know. */
static bool find_reply(struct str text, struct explanation *out)
{
	struct words w = { .rest = text };
	struct strbuf whole;
	struct str code = STR("");
	if (next_word(&w) && is_reply_code(w.word))
		code = w.word;
	strbuf_init(&whole, REPLY_TEXT_MAX);
	strbuf_addstr(&whole, str_head(str_trim(code.n != 0 ? w.rest : text), TEXT_MAX));
	bool found = explain_reply(number_of(code), &whole, code, out);
	strbuf_done(&whole);
	return found;
}

static void guess_word(struct str text, struct explanation *out)
{
	struct nearest near;
	size_t count;
	const struct oauth_error_row *rows = oauth_error_rows(&count);
	nearest_begin(&near, str_trim(text));
	for (size_t i = 0; i < count; i++)
		nearest_offer(&near, rows[i].error);
	rows = oauth_trouble_rows(&count);
	for (size_t i = 0; i < count; i++)
		nearest_offer(&near, rows[i].error);
	if (near.best != NULL)
		snprintf(out->guess, sizeof(out->guess), "%s", near.best);
}

static const char *or_nothing(const char *text)
{
	return text != NULL ? text : "";
}

void explain_text(struct str text, const struct account_config *account, struct explanation *out)
{
	*out = (struct explanation){ 0 };
	/* The surest first: a log line of a token's failure also holds times and addresses. */
	if (!find_aadsts(text, account, out) && !find_bare_number(text, account, out) &&
	    !find_enhanced(text, out) && !find_word(text, account, out) &&
	    !find_trouble(text, account, out) && !find_reply(text, out))
		guess_word(text, out);
	out->class = or_nothing(out->class);
	out->meaning = or_nothing(out->meaning);
	out->about = or_nothing(out->about);
	out->effect = or_nothing(out->effect);
	out->remedy = or_nothing(out->remedy);
	out->fixer = or_nothing(out->fixer);
}

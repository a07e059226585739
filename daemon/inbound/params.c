/* SPDX-License-Identifier: MIT */
#include "inbound/params.h"

#include "common/attr.h"
#include "common/quote.h"
#include "common/strbuf.h"
#include "inbound/sreply.h"

/* value.p is NULL where there was no "=". */
typedef bool take_param(struct mail_params *out, struct str value, struct inbound_refusal *why);

struct param_row {
	const char *keyword;
	take_param *take;
};

static bool take_size(struct mail_params *out, struct str value, struct inbound_refusal *why)
{
	bool digits = value.n != 0 && value.n <= 20; /* RFC 1870 section 4 */
	for (size_t i = 0; i < value.n; i++)
		digits = digits && ascii_is_digit(value.p[i]);
	if (!digits)
		return refusal_set(why, 501, "5.5.4 SIZE must be a number, as in SIZE=12345");
	if (!str_to_u64(value, UINT64_MAX, &out->size))
		out->size = UINT64_MAX; /* larger than any limit */
	return true;
}

static bool take_body(struct mail_params *out, struct str value, struct inbound_refusal *why)
{
	if (str_ieq(value, STR("7BIT")))
		out->body = BODY_7BIT;
	else if (str_ieq(value, STR("8BITMIME")))
		out->body = BODY_8BITMIME;
	else if (str_ieq(value, STR("BINARYMIME")))
		return refusal_set(why, 555, "5.5.4 BINARYMIME is not offered here");
	else
		return refusal_set(why, 501, "5.5.4 BODY must be 7BIT or 8BITMIME");
	return true;
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; /* upper case only: RFC 3461 section 4 */
}

/* xtext whose decoded form is printable: RFC 4954 section 5 has an address in it. */
static bool is_printable_xtext(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '+') {
			int high = i + 2 < value.n ? hex_digit(value.p[i + 1]) : -1;
			int low = i + 2 < value.n ? hex_digit(value.p[i + 2]) : -1;
			if (high < 0 || low < 0 || !ascii_is_print((char)(high * 16 + low)))
				return false;
			i += 2;
		} else if (c == '=' || c == ' ' || !ascii_is_print(c)) {
			return false;
		}
	}
	return value.n != 0;
}

/* Who the client says it submits for (RFC 4954 section 5). We trust no such word. */
static bool take_auth(struct mail_params *out, struct str value, struct inbound_refusal *why)
{
	(void)out;
	if (is_printable_xtext(value))
		return true;
	return refusal_set(why, 501, "5.5.4 AUTH= needs an address or <>");
}

static const struct param_row mail_rows[] = {
	{ "SIZE", take_size },
	{ "BODY", take_body },
	{ "AUTH", take_auth },
};

static bool refuse_unknown(struct str keyword, struct inbound_refusal *why)
{
	struct strbuf text;
	strbuf_init(&text, 128);
	quote_append_bare(&text, keyword, 24);
	/* RFC 5321 4.1.1.11 */
	refusal_set(why, 555, "5.5.4 Parameter %s is not supported", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static bool parse(const struct param_row *rows, size_t count, struct str text,
		  struct mail_params *out, struct inbound_refusal *why)
{
	unsigned seen = 0;
	struct str word;
	while ((word = str_word(&text)).n != 0) {
		ptrdiff_t equals = str_chr(word, '=');
		struct str keyword = equals >= 0 ? str_head(word, (size_t)equals) : word;
		struct str value = { NULL, 0 };
		size_t i = 0;
		if (equals >= 0)
			value = str_skip(word, (size_t)equals + 1);
		while (i < count && !str_ieq(keyword, str_of(rows[i].keyword)))
			i++;
		if (i == count)
			return refuse_unknown(keyword, why);
		if ((seen & 1u << i) != 0)
			return refusal_set(why, 501, "5.5.4 Parameter %s is there twice",
					   rows[i].keyword);
		seen |= 1u << i;
		if (!rows[i].take(out, value, why))
			return false;
	}
	return true;
}

bool params_parse_mail(struct str text, struct mail_params *out, struct inbound_refusal *why)
{
	struct mail_params found = { .body = BODY_7BIT };
	if (!parse(mail_rows, ARRAY_LEN(mail_rows), text, &found, why))
		return false;
	*out = found;
	return true;
}

bool params_parse_rcpt(struct str text, struct inbound_refusal *why)
{
	struct mail_params unused = { .body = BODY_7BIT };
	return parse(NULL, 0, text, &unused, why);
}

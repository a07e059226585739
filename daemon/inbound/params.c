/* SPDX-License-Identifier: MIT */
#include "inbound/params.h"

#include <stdlib.h>

#include "common/attr.h"
#include "common/quote.h"
#include "common/strbuf.h"
#include "inbound/sreply.h"
#include "message/xtext.h"

/* value.p is NULL where there was no "=". */
typedef bool take_param(struct params *out, struct str value, struct inbound_refusal *why);

struct param_row {
	const char *keyword;
	take_param *take;
};

static bool take_size(struct params *out, struct str value, struct inbound_refusal *why)
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

static bool take_body(struct params *out, struct str value, struct inbound_refusal *why)
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

/* Who the client says it submits for (RFC 4954 section 5). We trust no such word. */
static bool take_auth(struct params *out, struct str value, struct inbound_refusal *why)
{
	struct strbuf ignored;
	(void)out;
	strbuf_init(&ignored, value.n);
	bool ok = xtext_decode(value, &ignored);
	strbuf_done(&ignored);
	return ok || refusal_set(why, 501, "5.5.4 AUTH= needs an address or <>");
}

static bool take_smtputf8(struct params *out, struct str value, struct inbound_refusal *why)
{
	if (value.p != NULL)
		return refusal_set(why, 501, "5.5.4 SMTPUTF8 takes no value");
	out->smtputf8 = true;
	return true;
}

static bool take_ret(struct params *out, struct str value, struct inbound_refusal *why)
{
	return dsn_parse_ret(value, &out->ret) ||
	       refusal_set(why, 501, "5.5.4 RET must be FULL or HDRS");
}

static bool take_envid(struct params *out, struct str value, struct inbound_refusal *why)
{
	return dsn_parse_envid(value, &out->envid) ||
	       refusal_set(why, 501, "5.5.4 ENVID must be printable xtext of up to 100 bytes");
}

static bool take_notify(struct params *out, struct str value, struct inbound_refusal *why)
{
	return dsn_parse_notify(value, &out->dsn.notify) ||
	       refusal_set(why, 501, "5.5.4 NOTIFY must be NEVER, or of SUCCESS,FAILURE,DELAY");
}

static bool take_orcpt(struct params *out, struct str value, struct inbound_refusal *why)
{
	return dsn_parse_orcpt(value, &out->dsn.orcpt) ||
	       refusal_set(why, 501, "5.5.4 ORCPT must be as in ORCPT=rfc822;a@example.com");
}

static const struct param_row mail_rows[] = {
	{ "SIZE", take_size }, { "BODY", take_body },	{ "AUTH", take_auth },
	{ "RET", take_ret },   { "ENVID", take_envid }, { "SMTPUTF8", take_smtputf8 },
};

static const struct param_row rcpt_rows[] = {
	{ "NOTIFY", take_notify },
	{ "ORCPT", take_orcpt },
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

static bool take_word(const struct param_row *rows, size_t count, struct str word, unsigned *seen,
		      struct params *out, struct inbound_refusal *why)
{
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
	if ((*seen & 1u << i) != 0)
		return refusal_set(why, 501, "5.5.4 Parameter %s is there twice", rows[i].keyword);
	*seen |= 1u << i;
	return rows[i].take(out, value, why);
}

static bool parse(const struct param_row *rows, size_t count, struct str text, struct params *out,
		  struct inbound_refusal *why)
{
	struct params found = { .body = BODY_7BIT };
	unsigned seen = 0;
	struct str word;
	while ((word = str_word(&text)).n != 0)
		if (!take_word(rows, count, word, &seen, &found, why)) {
			params_done(&found);
			return false;
		}
	*out = found;
	return true;
}

bool params_parse_mail(struct str text, struct params *out, struct inbound_refusal *why)
{
	return parse(mail_rows, ARRAY_LEN(mail_rows), text, out, why);
}

bool params_parse_rcpt(struct str text, struct params *out, struct inbound_refusal *why)
{
	return parse(rcpt_rows, ARRAY_LEN(rcpt_rows), text, out, why);
}

void params_done(struct params *p)
{
	free(p->envid);
	dsn_request_done(&p->dsn);
	*p = (struct params){ .body = BODY_7BIT };
}

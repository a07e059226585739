/* SPDX-License-Identifier: MIT */
#include "message/dsn.h"

#include <stdlib.h>

#include "common/attr.h"
#include "common/mem.h"
#include "message/xtext.h"

enum { /* RFC 3461 sections 4.2 and 4.4, as on the wire */
	ORCPT_MAX = 500,
	ENVID_MAX = 100,
};

static const char *const ret_names[] = {
	[DSN_RET_FULL] = "FULL",
	[DSN_RET_HDRS] = "HDRS",
};

static const struct {
	const char *name;
	unsigned bit;
} notify_names[] = {
	{ "NEVER", DSN_NEVER },
	{ "SUCCESS", DSN_SUCCESS },
	{ "FAILURE", DSN_FAILURE },
	{ "DELAY", DSN_DELAY },
};

void dsn_request_copy(struct dsn_request *to, const struct dsn_request *from)
{
	*to = (struct dsn_request){ .notify = from->notify };
	mem_replace_str(&to->orcpt, from->orcpt);
}

void dsn_request_done(struct dsn_request *r)
{
	free(r->orcpt);
	*r = (struct dsn_request){ 0 };
}

bool dsn_parse_ret(struct str value, enum dsn_ret *out)
{
	for (size_t i = DSN_RET_FULL; i < ARRAY_LEN(ret_names); i++)
		if (str_ieq(value, str_of(ret_names[i]))) {
			*out = (enum dsn_ret)i;
			return true;
		}
	return false;
}

static unsigned notify_bit(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(notify_names); i++)
		if (str_ieq(name, str_of(notify_names[i].name)))
			return notify_names[i].bit;
	return 0;
}

bool dsn_parse_notify(struct str value, unsigned *out)
{
	unsigned found = 0;
	ptrdiff_t comma;
	do {
		comma = str_chr(value, ',');
		unsigned bit = notify_bit(comma >= 0 ? str_head(value, (size_t)comma) : value);
		if (bit == 0 || (found & bit) != 0)
			return false;
		found |= bit;
		value = str_skip(value, (size_t)comma + 1);
	} while (comma >= 0);
	/* RFC 3461 4.1: NEVER stands alone. */
	if ((found & DSN_NEVER) != 0 && found != DSN_NEVER)
		return false;
	*out = found;
	return true;
}

/* type: an atom, so that it needs no encoding. */
static bool is_type(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_is_alnum(text.p[i]) && text.p[i] != '-')
			return false;
	return text.n != 0;
}

static bool decode(struct str xtext, struct str before, char **out)
{
	struct strbuf text;
	strbuf_init(&text, before.n + xtext.n);
	strbuf_addstr(&text, before);
	bool ok = xtext_decode(xtext, &text);
	if (ok)
		*out = strbuf_steal(&text);
	strbuf_done(&text);
	return ok;
}

bool dsn_parse_envid(struct str xtext, char **out)
{
	return xtext.n <= ENVID_MAX && decode(xtext, STR(""), out);
}

bool dsn_parse_orcpt(struct str xtext, char **out)
{
	ptrdiff_t semicolon = str_chr(xtext, ';');
	if (semicolon < 0 || xtext.n > ORCPT_MAX || !is_type(str_head(xtext, (size_t)semicolon)))
		return false;
	return decode(str_skip(xtext, (size_t)semicolon + 1),
		      str_head(xtext, (size_t)semicolon + 1), out);
}

const char *dsn_ret_name(enum dsn_ret ret)
{
	return ret_names[ret];
}

void dsn_append_notify(struct strbuf *out, unsigned notify)
{
	const char *comma = "";
	for (size_t i = 0; i < ARRAY_LEN(notify_names); i++)
		if ((notify & notify_names[i].bit) != 0) {
			strbuf_addf(out, "%s%s", comma, notify_names[i].name);
			comma = ",";
		}
}

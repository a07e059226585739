/* SPDX-License-Identifier: MIT */
#include "message/address.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "message/domain.h"

enum {
	LOCAL_MAX = 64, /* octets: RFC 5321 4.5.3.1.1 */
};

/* atext of RFC 5322 3.2.3 */
static bool is_atext(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

bool address_is_domain(struct str text)
{
	return domain_is_valid(text, false);
}

/* Length of the character that may stand in a quoted local part; 0: none may. */
static size_t take_character(struct str s, unsigned flags, struct err *err)
{
	uint32_t point;
	if (s.n == 0 || ascii_is_print(s.p[0]))
		return s.n != 0;
	if ((flags & ADDRESS_UTF8) == 0 || (unsigned char)s.p[0] < 0x80) {
		err_set(err, "the address has a control or non-ASCII character");
		return 0;
	}
	size_t n = utf8_decode(s, &point);
	if (n == 0)
		err_set(err, "the address is not valid UTF-8");
	else if (utf8_is_hidden(point))
		err_set(err, "the address has an invisible character");
	return n != 0 && !utf8_is_hidden(point) ? n : 0;
}

/* RFC 5322 3.2.3 atext, RFC 6531 3.3 UTF8-non-ascii */
static bool begins_atom(struct str s)
{
	return s.n != 0 && (is_atext(s.p[0]) || (unsigned char)s.p[0] >= 0x80);
}

static bool check_dots(struct str local, unsigned flags, struct err *err)
{
	size_t dots = 0;
	bool odd = local.p[0] == '.';
	for (size_t i = 0; i < local.n; i++) {
		dots += local.p[i] == '.';
		odd = odd || (local.p[i] == '.' && i != 0 && local.p[i - 1] == '.');
	}
	if (dots == local.n || (odd && (flags & ADDRESS_ODD_DOTS) == 0))
		return err_set(err, "the part before the @ has a dot too many");
	if (local.p[local.n - 1] == '.' && (flags & ADDRESS_ODD_DOTS) == 0)
		return err_set(err, "the part before the @ ends with a dot");
	return true;
}

/* Takes a dot-string off *rest; false when there is none. */
static bool take_dot_string(struct str *rest, unsigned flags, struct strbuf *local, struct err *err)
{
	struct str at = *rest;
	while (begins_atom(at) || (at.n != 0 && at.p[0] == '.')) {
		size_t n = take_character(at, flags, err);
		if (n == 0)
			return false;
		at = str_skip(at, n);
	}
	struct str found = str_head(*rest, rest->n - at.n);
	if (found.n == 0)
		return err_set(err, "the part before the @ is missing or has a wrong character");
	if (!check_dots(found, flags, err))
		return false;
	strbuf_addstr(local, found);
	*rest = at;
	return true;
}

/* Takes "..." off *rest; what comes out is without quotes and backslashes. */
static bool take_quoted_string(struct str *rest, unsigned flags, struct strbuf *local,
			       struct err *err)
{
	struct str at = str_skip(*rest, 1);
	while (at.n != 0 && at.p[0] != '"') {
		if (at.p[0] == '\\')
			at = str_skip(at, 1);
		size_t n = take_character(at, flags, err);
		if (n == 0 && at.n != 0)
			return false;
		strbuf_addstr(local, str_head(at, n));
		at = str_skip(at, n);
	}
	if (at.n == 0)
		return err_set(err, "the address has no closing quote");
	if (local->n == 0 && !local->overflow)
		return err_set(err, "the part before the @ is empty");
	*rest = str_skip(at, 1);
	return true;
}

static bool take_local(struct str *rest, unsigned flags, struct strbuf *local, struct err *err)
{
	bool quoted = rest->n != 0 && rest->p[0] == '"';
	if (quoted ? !take_quoted_string(rest, flags, local, err)
		   : !take_dot_string(rest, flags, local, err))
		return false;
	if (local->overflow)
		return err_set(err, "the part before the @ is longer than %d characters",
			       LOCAL_MAX);
	return true;
}

/* Up to the first byte that no domain has; domain_is_valid() then decides. */
static struct str take_domain(struct str *rest)
{
	size_t n = 0;
	bool literal = rest->n != 0 && rest->p[0] == '[';
	if (literal) {
		ptrdiff_t end = str_chr(*rest, ']');
		n = end >= 0 ? (size_t)end + 1 : rest->n;
	} else {
		while (n < rest->n &&
		       (ascii_is_alnum(rest->p[n]) || rest->p[n] == '-' || rest->p[n] == '.' ||
			rest->p[n] == '_' || (unsigned char)rest->p[n] >= 0x80))
			n++;
	}
	struct str domain = str_head(*rest, n);
	*rest = str_skip(*rest, n);
	return domain;
}

static bool check_domain(struct str *domain, unsigned flags, struct err *err)
{
	if ((flags & ADDRESS_ODD_DOTS) != 0 && domain->n > 1 && domain->p[domain->n - 1] == '.')
		*domain = str_head(*domain, domain->n - 1);
	if (domain_is_valid(*domain, (flags & ADDRESS_UTF8) != 0))
		return true;
	if (domain->n == 0)
		return err_set(err, "the address has no domain after the @");
	if (domain->n > DOMAIN_MAX)
		return err_set(err, "the domain is longer than %d characters", DOMAIN_MAX);
	return err_set(err, "the part after the @ is not a domain");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* A name alone ends here, and is enough. */
static bool may_end(struct str local, struct str rest, unsigned flags, struct err *err)
{
	bool brackets = (flags & ADDRESS_NO_BRACKETS) == 0;
	if (rest.n != 0 && rest.p[0] != '>' && (brackets || !is_blank(rest.p[0])))
		return err_set(err, "the part before the @ has a wrong character");
	/* Without brackets "SIZE=1" is the parameter of an address that is not there. */
	if (!brackets && str_chr(local, '=') >= 0)
		return err_set(err, "the address is missing");
	if ((flags & ADDRESS_BARE_NAME) != 0 || str_ieq(local, STR("postmaster")))
		return true;
	return err_set(err, "the address has no domain, as in name@example.com");
}

/* local ["@" domain]: the mailbox up to where it ends. */
static bool take_mailbox(struct str *text, unsigned flags, struct address *out, struct err *err)
{
	struct strbuf local;
	struct str rest = *text, domain = { NULL, 0 };
	strbuf_init(&local, LOCAL_MAX);
	bool ok = take_local(&rest, flags, &local, err);
	if (ok && rest.n != 0 && rest.p[0] == '@') {
		rest = str_skip(rest, 1);
		domain = take_domain(&rest);
		ok = check_domain(&domain, flags, err);
	} else if (ok) {
		ok = may_end(strbuf_str(&local), rest, flags, err);
	}
	if (ok) {
		out->local = strbuf_steal(&local);
		out->domain = str_dup(domain);
		*text = rest;
	}
	strbuf_done(&local);
	return ok;
}

/* "@a,@b:" is checked and dropped (RFC 5321 4.1.1.3, appendix C). */
static bool skip_source_route(struct str *rest, struct err *err)
{
	struct str at = *rest;
	if (at.n == 0 || at.p[0] != '@')
		return true;
	for (;;) {
		if (at.n == 0 || at.p[0] != '@')
			return err_set(err, "the source route before the address is wrong");
		at = str_skip(at, 1);
		if (!domain_is_valid(take_domain(&at), true) || at.n == 0)
			return err_set(err, "the source route before the address is wrong");
		char end = at.p[0];
		at = str_skip(at, 1);
		if (end == ':')
			break;
		if (end != ',')
			return err_set(err, "the source route before the address is wrong");
	}
	*rest = at;
	return true;
}

/* What stands between the brackets, or without them. */
static bool take_path(struct str *text, unsigned flags, struct address *out, struct err *err)
{
	struct str at = *text;
	bool brackets = at.n != 0 && at.p[0] == '<';
	if (at.n == 0)
		return err_set(err, "the address is missing");
	if (!brackets && (flags & ADDRESS_NO_BRACKETS) == 0)
		return err_set(err, "the address must be in angle brackets, as in <a@example.com>");
	if (!brackets)
		return take_mailbox(text, flags, out, err);
	at = str_skip(at, 1);
	if (at.n != 0 && at.p[0] == '>')
		*out = (struct address){ mem_strdup(""), mem_strdup("") };
	else if (!skip_source_route(&at, err) ||
		 !take_mailbox(&at, flags & ~(unsigned)ADDRESS_NO_BRACKETS, out, err))
		return false;
	if (at.n == 0 || at.p[0] != '>') {
		address_done(out);
		return err_set(err, at.n == 0 ? "the address has no closing >"
					      : "the part after the @ has a wrong character");
	}
	*text = str_skip(at, 1);
	return true;
}

bool address_parse_path(struct str text, unsigned flags, struct address *out, struct str *rest,
			struct err *err)
{
	struct address found = { NULL, NULL };
	bool brackets = text.n != 0 && text.p[0] == '<';
	if (!take_path(&text, flags, &found, err))
		return false;
	if (text.n != 0 && !is_blank(text.p[0])) {
		address_done(&found);
		return err_set(err, brackets ? "there must be a space after the closing >"
					     : "the part after the @ has a wrong character");
	}
	*out = found;
	*rest = text;
	return true;
}

bool address_parse(struct str text, struct address *out, struct err *err)
{
	struct address found = { NULL, NULL };
	if (!take_mailbox(&text, 0, &found, err))
		return false;
	if (text.n != 0 || found.domain[0] == '\0') {
		address_done(&found);
		return err_set(err, text.n != 0 ? "the part after the @ has a wrong character"
						: "the address has no domain");
	}
	*out = found;
	return true;
}

void address_copy(struct address *to, const struct address *from)
{
	*to = (struct address){ mem_strdup(from->local), mem_strdup(from->domain) };
}

void address_done(struct address *a)
{
	free(a->local);
	free(a->domain);
	*a = (struct address){ NULL, NULL };
}

bool address_is_null(const struct address *a)
{
	return a->local[0] == '\0' && a->domain[0] == '\0';
}

bool address_is_ascii(const struct address *a)
{
	return utf8_is_ascii(str_of(a->local)) && utf8_is_ascii(str_of(a->domain));
}

static bool is_dot_string(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool inner_dot =
			text.p[i] == '.' && i != 0 && i + 1 != text.n && text.p[i - 1] != '.';
		if (!inner_dot && !begins_atom(str_skip(text, i)))
			return false;
	}
	return text.n != 0;
}

void address_append(struct strbuf *out, const struct address *a)
{
	struct str local = str_of(a->local);
	if (address_is_null(a))
		return;
	if (is_dot_string(local)) {
		strbuf_addstr(out, local);
	} else {
		strbuf_addc(out, '"');
		for (size_t i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				strbuf_addc(out, '\\');
			strbuf_addc(out, local.p[i]);
		}
		strbuf_addc(out, '"');
	}
	if (a->domain[0] != '\0') {
		strbuf_addc(out, '@');
		strbuf_adds(out, a->domain);
	}
}

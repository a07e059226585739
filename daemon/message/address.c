/* SPDX-License-Identifier: MIT */
#include "message/address.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/netaddr.h"

enum {
	LOCAL_MAX = 64,	  /* RFC 5321 4.5.3.1.1 */
	DOMAIN_MAX = 255, /* RFC 5321 4.5.3.1.2 */
	LABEL_MAX = 63,	  /* RFC 1035 2.3.4 */
};

/* atext of RFC 5322 3.2.3 */
static bool is_atext(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Labels of letters, digits and inner hyphens (RFC 5321 4.1.2 Domain). */
static bool is_host_name(struct str text)
{
	size_t label = 0;
	if (text.n == 0 || text.n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '.') {
			if (label == 0 || text.p[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!ascii_is_alnum(c) && (c != '-' || label == 0))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label != 0 && text.p[text.n - 1] != '-';
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3); no other tag is registered. */
static bool is_literal(struct str text)
{
	struct netaddr ignored;
	if (text.n < 3 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return false;
	struct str inner = { text.p + 1, text.n - 2 };
	if (!str_istarts(inner, STR("IPv6:")))
		return str_chr(inner, ':') < 0 && netaddr_parse(inner, &ignored);
	inner = str_skip(inner, 5);
	return str_chr(inner, ':') >= 0 && netaddr_parse(inner, &ignored);
}

bool address_is_domain(struct str text)
{
	return is_host_name(text) || is_literal(text);
}

/* Takes a dot-string off *rest; false when there is none. */
static bool take_dot_string(struct str *rest, struct strbuf *local, struct err *err)
{
	size_t n = 0;
	while (n < rest->n && (is_atext(rest->p[n]) || rest->p[n] == '.')) {
		if (rest->p[n] == '.' && (n == 0 || rest->p[n - 1] == '.'))
			return err_set(err, "the part before the @ has a dot too many");
		n++;
	}
	if (n == 0)
		return err_set(err, "the part before the @ is missing or has a wrong character");
	if (rest->p[n - 1] == '.')
		return err_set(err, "the part before the @ ends with a dot");
	strbuf_addstr(local, str_head(*rest, n));
	*rest = str_skip(*rest, n);
	return true;
}

/* Takes "..." off *rest; what comes out is without quotes and backslashes. */
static bool take_quoted_string(struct str *rest, struct strbuf *local, struct err *err)
{
	size_t i = 1;
	for (; i < rest->n && rest->p[i] != '"'; i++) {
		if (rest->p[i] == '\\' && ++i == rest->n)
			break;
		if (!ascii_is_print(rest->p[i]))
			return err_set(err, "the address has a control or non-ASCII character");
		strbuf_addc(local, rest->p[i]);
	}
	if (i >= rest->n)
		return err_set(err, "the address has no closing quote");
	if (local->n == 0 && !local->overflow)
		return err_set(err, "the part before the @ is empty");
	*rest = str_skip(*rest, i + 1);
	return true;
}

static bool take_local(struct str *rest, struct strbuf *local, struct err *err)
{
	bool quoted = rest->n != 0 && rest->p[0] == '"';
	if (quoted ? !take_quoted_string(rest, local, err) : !take_dot_string(rest, local, err))
		return false;
	if (local->overflow)
		return err_set(err, "the part before the @ is longer than %d characters",
			       LOCAL_MAX);
	return true;
}

/* Up to the first byte that no domain has; is_domain() then decides. */
static struct str take_domain(struct str *rest)
{
	size_t n = 0;
	bool literal = rest->n != 0 && rest->p[0] == '[';
	if (literal) {
		ptrdiff_t end = str_chr(*rest, ']');
		n = end >= 0 ? (size_t)end + 1 : rest->n;
	} else {
		while (n < rest->n && (ascii_is_alnum(rest->p[n]) || rest->p[n] == '-' ||
				       rest->p[n] == '.' || rest->p[n] == '_'))
			n++;
	}
	struct str domain = str_head(*rest, n);
	*rest = str_skip(*rest, n);
	return domain;
}

static bool domain_error(struct str domain, struct err *err)
{
	if (domain.n == 0)
		return err_set(err, "the address has no domain after the @");
	if (domain.n > DOMAIN_MAX)
		return err_set(err, "the domain is longer than %d characters", DOMAIN_MAX);
	return err_set(err, "the part after the @ is not a domain");
}

/* local ["@" domain]: the mailbox up to where it ends; a missing domain only for postmaster. */
static bool take_mailbox(struct str *text, bool bare_postmaster, struct address *out,
			 struct err *err)
{
	struct strbuf local;
	struct str rest = *text, domain = { NULL, 0 };
	strbuf_init(&local, LOCAL_MAX);
	bool ok = take_local(&rest, &local, err);
	if (ok && rest.n != 0 && rest.p[0] == '@') {
		rest = str_skip(rest, 1);
		domain = take_domain(&rest);
		ok = address_is_domain(domain) || domain_error(domain, err);
	} else if (ok && rest.n != 0 && rest.p[0] != '>') {
		ok = err_set(err, "the part before the @ has a wrong character");
	} else if (ok && !(bare_postmaster && str_ieq(strbuf_str(&local), STR("postmaster")))) {
		ok = err_set(err, "the address has no domain, as in name@example.com");
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
		if (!address_is_domain(take_domain(&at)) || at.n == 0)
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

bool address_parse_path(struct str text, struct address *out, struct str *rest, struct err *err)
{
	struct address found = { NULL, NULL };
	struct str at = text;
	if (at.n == 0)
		return err_set(err, "the address is missing");
	if (at.p[0] != '<')
		return err_set(err, "the address must be in angle brackets, as in <a@example.com>");
	at = str_skip(at, 1);
	if (at.n != 0 && at.p[0] == '>') {
		found = (struct address){ mem_strdup(""), mem_strdup("") };
	} else if (!skip_source_route(&at, err) || !take_mailbox(&at, true, &found, err)) {
		return false;
	}
	if (at.n == 0 || at.p[0] != '>') {
		address_done(&found);
		return err_set(err, at.n == 0 ? "the address has no closing >"
					      : "the part after the @ has a wrong character");
	}
	at = str_skip(at, 1);
	if (at.n != 0 && at.p[0] != ' ' && at.p[0] != '\t') {
		address_done(&found);
		return err_set(err, "there must be a space after the closing >");
	}
	*out = found;
	*rest = at;
	return true;
}

bool address_parse(struct str text, struct address *out, struct err *err)
{
	struct address found = { NULL, NULL };
	if (!take_mailbox(&text, false, &found, err))
		return false;
	if (text.n != 0) {
		address_done(&found);
		return err_set(err, "the part after the @ has a wrong character");
	}
	*out = found;
	return true;
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

static bool is_dot_string(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool inner_dot =
			text.p[i] == '.' && i != 0 && i + 1 != text.n && text.p[i - 1] != '.';
		if (!inner_dot && !is_atext(text.p[i]))
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

/* SPDX-License-Identifier: MIT */
#include "config/users_edit.h"

#include "common/quote.h"
#include "config/users.h"

enum {
	LINE_MAX_SIZE = 16 * 1024
};

/* Where a user's line is in the text: before, its bytes with their line end, after. */
struct place {
	struct str before;
	struct str line;
	struct str after;
	unsigned number;
};

static bool is_of(struct str line, struct str name)
{
	ptrdiff_t colon = str_chr(line, ':');
	struct str start = str_trim(line);
	return colon > 0 && start.p[0] != '#' &&
	       str_eq(str_trim(str_head(line, (size_t)colon)), name);
}

static bool locate(struct str text, struct str name, struct place *out)
{
	size_t at = 0;
	for (unsigned number = 1; at < text.n; number++) {
		struct str rest = str_skip(text, at);
		ptrdiff_t end = str_chr(rest, '\n');
		struct str line = end >= 0 ? str_head(rest, (size_t)end + 1) : rest;
		if (is_of(line, name)) {
			*out = (struct place){ str_head(text, at), line, str_skip(rest, line.n),
					       number };
			return true;
		}
		at += line.n;
	}
	return false;
}

static bool must_locate(struct str text, struct str name, struct place *out, struct err *err)
{
	struct strbuf q;
	if (locate(text, name, out))
		return true;
	strbuf_init(&q, 512);
	quote_append(&q, name, 64);
	err_set(err, "there is no user %s; `oauthrelay user list` shows all", strbuf_cstr(&q));
	strbuf_done(&q);
	return false;
}

unsigned users_edit_find(struct str text, struct str name)
{
	struct place place;
	return locate(text, name, &place) ? place.number : 0;
}

static void append_option(struct strbuf *line, char *separator, const char *name, const char *value)
{
	if (value == NULL)
		return;
	strbuf_addf(line, "%c%s=%s", *separator, name, value);
	*separator = ' ';
}

bool users_edit_add(struct strbuf *out, struct str text, const struct users_line *user,
		    struct err *err)
{
	struct strbuf line;
	char separator = ':';
	unsigned number = users_edit_find(text, str_of(user->name));
	/* By itself, since in a line a blank or colon of it would be taken for something else. */
	if (!user_name_check(str_of(user->name), err))
		return false;
	if (number != 0)
		return err_set(err,
			       "the user %s is there already, in line %u; `oauthrelay user "
			       "passwd` changes the password",
			       user->name, number);
	strbuf_init(&line, LINE_MAX_SIZE);
	strbuf_addf(&line, "%s:%s", user->name, user->hash);
	append_option(&line, &separator, "account", user->account);
	append_option(&line, &separator, "senders", user->senders);
	append_option(&line, &separator, "recipients", user->recipients);
	append_option(&line, &separator, "networks", user->networks);
	bool ok = !line.overflow || err_set(err, "the line would be too long");
	ok = ok && user_line_check(strbuf_str(&line), err);
	if (ok) {
		strbuf_addstr(out, text);
		if (text.n != 0 && text.p[text.n - 1] != '\n')
			strbuf_addc(out, '\n');
		strbuf_addstr(out, strbuf_str(&line));
		strbuf_addc(out, '\n');
	}
	strbuf_done(&line);
	return ok;
}

bool users_edit_passwd(struct strbuf *out, struct str text, struct str name, struct str hash,
		       struct err *err)
{
	struct place place;
	if (!must_locate(text, name, &place, err))
		return false;
	size_t start = (size_t)str_chr(place.line, ':') + 1;
	struct str rest = str_skip(place.line, start);
	size_t n = 0;
	while (n < rest.n && rest.p[n] != ':' && rest.p[n] != '\r' && rest.p[n] != '\n')
		n++;
	strbuf_addstr(out, place.before);
	strbuf_addstr(out, str_head(place.line, start));
	strbuf_addstr(out, hash);
	strbuf_addstr(out, str_skip(rest, n));
	strbuf_addstr(out, place.after);
	return true;
}

bool users_edit_remove(struct strbuf *out, struct str text, struct str name, struct err *err)
{
	struct place place;
	if (!must_locate(text, name, &place, err))
		return false;
	strbuf_addstr(out, place.before);
	strbuf_addstr(out, place.after);
	return true;
}

/* SPDX-License-Identifier: MIT */
#include "upstream/ehlo.h"

/* Cuts the next line off *rest; false when none is left. */
static bool take_line(struct str *rest, struct str *line)
{
	if (rest->n == 0)
		return false;
	ptrdiff_t end = str_chr(*rest, '\n');
	*line = end >= 0 ? str_head(*rest, (size_t)end) : *rest;
	*rest = end >= 0 ? str_skip(*rest, (size_t)end + 1) : (struct str){ 0 };
	return true;
}

/* "AUTH LOGIN XOAUTH2", and "AUTH=LOGIN" of servers older than RFC 2554, which some still send. */
static bool take_auth(struct str line, struct str *mechanisms)
{
	if (!str_istarts(line, STR("AUTH")) || line.n == 4)
		return false;
	char next = line.p[4];
	if (next != ' ' && next != '\t' && next != '=')
		return false;
	*mechanisms = str_trim(str_skip(line, 5));
	return true;
}

static void parse_mechanisms(struct str mechanisms, struct ehlo *out)
{
	for (;;) {
		struct str word = str_word(&mechanisms);
		if (word.n == 0)
			return;
		if (str_ieq(word, STR("XOAUTH2")))
			out->xoauth2 = true;
		else if (str_ieq(word, STR("OAUTHBEARER")))
			out->oauthbearer = true;
	}
}

static void parse_line(struct str line, struct ehlo *out)
{
	struct str rest;
	if (take_auth(line, &rest)) {
		parse_mechanisms(rest, out);
		return;
	}
	rest = line;
	struct str keyword = str_word(&rest);
	if (str_ieq(keyword, STR("STARTTLS"))) {
		out->starttls = true;
	} else if (str_ieq(keyword, STR("PIPELINING"))) {
		out->pipelining = true;
	} else if (str_ieq(keyword, STR("8BITMIME"))) {
		out->eight_bit = true;
	} else if (str_ieq(keyword, STR("SMTPUTF8"))) {
		out->smtputf8 = true;
	} else if (str_ieq(keyword, STR("DSN"))) {
		out->dsn = true;
	} else if (str_ieq(keyword, STR("SIZE"))) {
		out->size = true;
		/* RFC 1870 4: no number, or 0, tells no limit. One that cannot be read tells none.
		 */
		if (!str_to_u64(str_word(&rest), UINT64_MAX, &out->size_max))
			out->size_max = 0;
	}
}

void ehlo_parse(struct str lines, struct ehlo *out)
{
	struct str line;
	*out = (struct ehlo){ 0 };
	if (!take_line(&lines, &line))
		return;
	while (take_line(&lines, &line))
		parse_line(str_trim(line), out);
}

struct str ehlo_mechanisms(struct str lines)
{
	struct str line, mechanisms;
	if (!take_line(&lines, &line))
		return (struct str){ 0 };
	while (take_line(&lines, &line))
		if (take_auth(str_trim(line), &mechanisms))
			return mechanisms;
	return (struct str){ 0 };
}

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_QUIRK_H
#define OAUTHRELAY_CONFIG_QUIRK_H

#include <stddef.h>

/*
 * What a device may be forgiven when its `quirks` name it (design.md section 4): one row each, with
 * the devices that are known to need it. Forgiveness that is safe for everybody (a blank behind the
 * colon, lower case, blanks at the end of a line, no QUIT) has no row: it is always on.
 *
 * A device's quirks are a set of these bits.
 */
enum quirk {
	QUIRK_NO_BRACKETS = 1 << 0,	 /* MAIL FROM:a@b.c */
	QUIRK_EMPTY_HELO = 1 << 1,	 /* EHLO or HELO without a name */
	QUIRK_BARE_LF = 1 << 2,		 /* lines, and the end of data, end in LF alone */
	QUIRK_NO_STARTTLS = 1 << 3,	 /* STARTTLS is not offered to it */
	QUIRK_NO_8BITMIME = 1 << 4,	 /* 8BITMIME is not offered to it */
	QUIRK_NO_CHUNKING = 1 << 5,	 /* CHUNKING is not offered to it */
	QUIRK_NO_PIPELINING = 1 << 6,	 /* PIPELINING is not offered to it */
	QUIRK_USER_NAME_PROMPT = 1 << 7, /* LOGIN prompts "User Name" and "Password", with a NUL */
	QUIRK_AUTH_EQUALS = 1 << 8,	 /* EHLO says AUTH=PLAIN LOGIN too */
	QUIRK_ODD_DOTS = 1 << 9, /* dots where an address has none: a.@b.c, a..b@c.d, a@b.c. */
};

struct quirk_row {
	const char *name;
	enum quirk bit;
	const char *help;      /* what is forgiven, or not offered */
	const char *needed_by; /* devices that are known to need it */
};

extern const struct quirk_row quirk_rows[];
extern const size_t quirk_count;
/* Names by bit number, for the schema table; ends with NULL. */
extern const char *const quirk_names[];

#endif

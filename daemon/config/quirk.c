/* SPDX-License-Identifier: MIT */
#include "config/quirk.h"

#include "common/attr.h"

const char *const quirk_names[] = {
	"no-brackets", "empty-helo",	"bare-lf",	    "no-starttls", "no-8bitmime",
	"no-chunking", "no-pipelining", "user-name-prompt", "auth-equals", "odd-dots",
	NULL,
};

const struct quirk_row quirk_rows[] = {
	{ "no-brackets", QUIRK_NO_BRACKETS, "addresses in MAIL and RCPT without < and >",
	  "old ERP systems and scripts that write MAIL FROM:a@b.c" },
	{ "empty-helo", QUIRK_EMPTY_HELO, "EHLO or HELO without a name",
	  "UPS cards and data loggers without a host name" },
	{ "bare-lf", QUIRK_BARE_LF,
	  "lines that end in LF alone, the end of the message too, as long as the session has never "
	  "sent a CR",
	  "home-made scripts and controllers on Unix-like systems" },
	{ "no-starttls", QUIRK_NO_STARTTLS, "STARTTLS is not offered to it",
	  "devices that try STARTTLS as soon as they see it, and fail with every certificate" },
	{ "no-8bitmime", QUIRK_NO_8BITMIME, "8BITMIME is not offered to it",
	  "clients that send BODY=8BITMIME and choke on the answer" },
	{ "no-chunking", QUIRK_NO_CHUNKING, "CHUNKING (BDAT) is not offered to it",
	  "clients whose BDAT is broken" },
	{ "no-pipelining", QUIRK_NO_PIPELINING, "PIPELINING is not offered to it",
	  "clients that send commands in one go and misread the answers" },
	{ "user-name-prompt", QUIRK_USER_NAME_PROMPT,
	  "AUTH LOGIN asks \"User Name\" and \"Password\", as old Exchange servers did",
	  "clients written against Exchange 5.5; Xerox devices hang up on it, so not for them" },
	{ "auth-equals", QUIRK_AUTH_EQUALS, "EHLO says AUTH=PLAIN LOGIN besides AUTH PLAIN LOGIN",
	  "Outlook Express 4 and clients of its time" },
	{ "odd-dots", QUIRK_ODD_DOTS,
	  "dots too many in an address: a.@b.c, .a@b.c, a..b@c.d, a@b.c.",
	  "HPE iLO, which writes ilo.@example.com; devices that complete names with a dot" },
};
const size_t quirk_count = ARRAY_LEN(quirk_rows);

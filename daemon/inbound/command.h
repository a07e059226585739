/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_COMMAND_H
#define OAUTHRELAY_INBOUND_COMMAND_H

#include <stdbool.h>

#include "common/str.h"
#include "inbound/session.h"

/*
 * The commands as a table. Whether one is legal now is decided by command_legal() from its row, in
 * this one place; the handlers need not ask. An extension adds rows.
 *
 * A handler gives exactly one reply, or has set a mode that will.
 */
enum {
	COMMAND_NO_ARGUMENT = 1,
	COMMAND_NEEDS_ARGUMENT = 2,
	COMMAND_HAS_SECRET = 4,	       /* its argument is shown nowhere */
	COMMAND_MAY_HAVE_ARGUMENT = 8, /* its handler asks for it where it must be there */
};

enum { /* bits of enum session_phase */
	IN_START = 1 << PHASE_START,
	IN_HELLO = 1 << PHASE_HELLO,
	IN_MAIL = 1 << PHASE_MAIL,
	IN_RCPT = 1 << PHASE_RCPT,
	IN_BDAT = 1 << PHASE_BDAT,
	IN_ANY = IN_START | IN_HELLO | IN_MAIL | IN_RCPT | IN_BDAT,
};

struct command {
	const char *verb;
	unsigned phases; /* where it is legal */
	unsigned flags;
	void (*run)(struct in_session *s, struct str args); /* NULL: known, but not offered */
	const char *syntax;				    /* for error texts and HELP */
	/* When command_legal() says no, instead of the bare refusal; NULL where nothing follows the
	 * command that would have to be read. */
	void (*refused)(struct in_session *s, struct str args, const struct inbound_refusal *why);
};

const struct command *command_find(struct str verb);
const struct command *command_at(size_t index); /* NULL behind the last */
bool command_legal(const struct command *c, enum session_phase phase, struct str args,
		   struct inbound_refusal *why);
/* A request line of HTTP: a browser has been sent to a mail port (threats.md LEX-12). */
bool command_is_http(struct str line);
/* Runs one line. */
void command_run(struct in_session *s, struct str line);

/* The handlers, in the order of the table. */
void verb_ehlo(struct in_session *s, struct str args);
void verb_helo(struct in_session *s, struct str args);
void verb_starttls(struct in_session *s, struct str args);
void verb_auth(struct in_session *s, struct str args);
void verb_mail(struct in_session *s, struct str args);
void verb_rcpt(struct in_session *s, struct str args);
void verb_data(struct in_session *s, struct str args);
void verb_bdat(struct in_session *s, struct str args);
void bdat_refused(struct in_session *s, struct str args, const struct inbound_refusal *why);
/* A BDAT whose size cannot be known: what follows cannot be told from commands. */
void bdat_unreadable(struct in_session *s);
void verb_rset(struct in_session *s, struct str args);
void verb_noop(struct in_session *s, struct str args);
void verb_vrfy(struct in_session *s, struct str args);
void verb_help(struct in_session *s, struct str args);
void verb_quit(struct in_session *s, struct str args);

#endif

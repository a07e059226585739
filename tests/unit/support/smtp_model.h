/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_SMTP_MODEL_H
#define OAUTHRELAY_TESTS_SMTP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/strbuf.h"

/*
 * A reference model of the SMTP server (RFC 5321 4.1.4, 3030, 3207, 4954): what each command
 * answers in each phase of a dialogue, where it leads, and what has arrived in the end. It shares
 * nothing with the daemon's code. It makes random dialogues together with what must come of them.
 *
 * The other side refuses a message at its begin if MODEL_REFUSED_BEGIN is among its recipients
 * (with 452), at its end if MODEL_REFUSED_FINISH is (with 451).
 */
#define MODEL_REFUSED_BEGIN  "begin@refused.example"
#define MODEL_REFUSED_FINISH "finish@refused.example"
/* The user who exists, and her password, of struct inbound_world. */
#define MODEL_LOGIN	  "AUTH PLAIN AGFubmEAczNjcmV0\r\n"
#define MODEL_WRONG_LOGIN "AUTH PLAIN AGFubmEAd3Jvbmc=\r\n"

enum model_rule {
	MODEL_OPEN,	    /* may send; any password is taken */
	MODEL_ANY_PASSWORD, /* must log in, with any password */
	MODEL_USERS,	    /* must log in as a user */
	MODEL_USERS_BY_TLS, /* and may do so within TLS only */
};

struct model_client {
	enum model_rule rule;
	bool tls; /* STARTTLS is offered */
	bool lf;  /* sends no CR, and has the quirk for it */
};

enum model_end {
	MODEL_QUITS,
	MODEL_SHUTS,		/* and nothing else */
	MODEL_SHUTS_IN_CONTENT, /* the message is lost */
	MODEL_TIMES_OUT,	/* 421 */
	MODEL_TIMES_OUT_IN_CONTENT,
	MODEL_BAD_CHUNK, /* a BDAT whose size cannot be read: 501, and the server closes */
	MODEL_HTTP,	 /* the server closes */
	MODEL_ENDS,
};

struct model_walk {
	struct strbuf clear;   /* what is sent */
	struct strbuf secured; /* what is sent inside TLS, if tls */
	bool tls;
	enum model_end end;
	struct strbuf codes;	/* of all replies, blanks between */
	size_t clear_replies;	/* how many of them before TLS; all of them, if not tls */
	size_t replies;		/* how many before the time-out, if that is its end */
	struct strbuf messages; /* "sender>recipient,recipient\n" of each that arrives */
	unsigned begun;		/* messages that the other side has begun to take */
};

/* A dialogue of so many steps. The caller ends it. */
void model_walk(struct model_walk *walk, const struct model_client *client, uint64_t seed,
		unsigned steps);
void model_walk_done(struct model_walk *walk);

#endif

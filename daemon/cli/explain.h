/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_EXPLAIN_H
#define OAUTHRELAY_CLI_EXPLAIN_H

#include <stdbool.h>

#include "common/str.h"

struct account_config;

/*
 * What an error code, or a text with one in it, is about: AADSTS numbers and `error` words of token
 * endpoints, what the relay calls their other troubles ("http-429"), replies and enhanced status
 * codes of mail servers. From the tables that the relay itself decides by. Pure.
 */
struct explanation {
	char code[64]; /* as found, printable; "" when nothing was recognised */
	bool known;    /* else all texts but `link` and `guess` may be "" */
	/* "configuration", "sign-in", "transient", "pending"; of a mail server's reply the verdict
	 */
	const char *class;
	bool credential; /* another secret or certificate of the account may do */
	const char *meaning;
	const char *about;  /* of an enhanced code that no rule knows: "the mailbox" */
	const char *effect; /* what the relay does */
	const char *fixer;  /* who can mend it */
	const char *remedy; /* with the placeholders of config/remedy.h */
	char link[80];	    /* Microsoft's page about it, or "" */
	char guess[64];	    /* a code that this may be a misprint of, or "" */
};

/* account: whose grant the remedy is for; NULL: the usual case. */
void explain_text(struct str text, const struct account_config *account, struct explanation *out);

#endif

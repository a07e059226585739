/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_ASK_PASSWORD_H
#define OAUTHRELAY_CLI_ASK_PASSWORD_H

#include "common/err.h"
#include "common/secret.h"

enum {
	PASSWORD_BYTES_MAX = 511, /* what crypt(3) takes */
	CLIENT_SECRET_BYTES_MAX = 2048,
};

/*
 * A new password from whoever runs the command: on a terminal asked for twice without echo, else
 * one line of in. out is where the prompts go. Not empty; bytes of text. The terminal is as before
 * afterwards, also when a signal ends the command. Blocks.
 */
bool ask_password(int in, int out, const char *name, struct secret *secret, struct err *err)
	MUST_CHECK;
/* The same for a client secret, which is pasted and not made up: asked for once, and without blanks
 * at its ends. */
bool ask_client_secret(int in, int out, const char *name, struct secret *secret, struct err *err)
	MUST_CHECK;

#endif

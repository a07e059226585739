/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_AUTH_H
#define OAUTHRELAY_INBOUND_AUTH_H

#include <stdbool.h>

#include "common/secret.h"
#include "common/str.h"

/*
 * The two ways to log in: SASL PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login, prompts as
 * every client in the field expects them). Takes the client's base64 lines, says what to send next,
 * ends with a name and a password. What a name is worth is decided elsewhere.
 *
 * Pure. Everything decoded is kept as a secret: people type passwords into the wrong field.
 */
enum auth_mechanism {
	AUTH_PLAIN,
	AUTH_LOGIN
};

enum auth_result {
	AUTH_PROMPT,	/* send 334 and *prompt (base64, may be empty) */
	AUTH_DONE,	/* user and password are there */
	AUTH_CANCELLED, /* the client sent "*" */
	AUTH_NOT_BASE64,
	AUTH_MALFORMED, /* decoded, but not what the mechanism says */
};

/* What LOGIN asks. */
enum auth_prompts {
	AUTH_PROMPTS_USUAL,	/* "Username:", "Password:" */
	AUTH_PROMPTS_USER_NAME, /* "User Name" and "Password", each with a NUL behind it */
};

struct auth_dialogue {
	enum auth_mechanism mechanism;
	enum auth_prompts prompts;
	bool have_user;
	bool other_identity; /* PLAIN: asks to act as somebody else than who logs in */
	struct secret user;
	struct secret password;
};

bool auth_mechanism_of(struct str name, enum auth_mechanism *out);
/* initial: the initial response as given, "=" for an empty one; n == 0 for none. prompts: those of
 * the quirk user-name-prompt, or the usual ones. */
enum auth_result auth_begin(struct auth_dialogue *d, enum auth_mechanism mechanism,
			    enum auth_prompts prompts, struct str initial, const char **prompt);
enum auth_result auth_answer(struct auth_dialogue *d, struct str line, const char **prompt);
void auth_done(struct auth_dialogue *d);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_ARC_CHALLENGE_H
#define OAUTHRELAY_OAUTH_ARC_CHALLENGE_H

#include "common/err.h"
#include "common/secret.h"
#include "common/str.h"

/*
 * How the agent of an Arc-enabled server makes sure that it speaks with somebody who may: it names
 * a file that only its group can read, and wants to hear what is in it (microsoft365.md 4.7). Who
 * speaks in the agent's place must not be able to have any other file read out to it: the file lies
 * in the agent's folder itself, whose path has no symbolic link, is a regular one, ends in .key and
 * has at most ARC_KEY_MAX bytes. Errors name the file and the cure, never what is in it; code is an
 * errno.
 */
enum {
	ARC_KEY_MAX = 4096
};

extern const char arc_challenge_folder[]; /* where the agent puts them */

/* Out of `Basic realm=/var/opt/azcmagent/tokens/NAME.key`. The caller frees *name, the file's name
 * without folder. Pure. */
bool arc_challenge_parse(struct str authenticate, const char *folder, char **name, struct err *err)
	MUST_CHECK;
/* The content, without a line end behind it: what goes behind "Basic ". Blocks. Any thread. */
bool arc_challenge_read(const char *folder, const char *name, struct secret *out, struct err *err)
	MUST_CHECK;

#endif

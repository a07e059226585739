/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_STATE_FOLDER_H
#define OAUTHRELAY_COMMON_STATE_FOLDER_H

#include <sys/types.h>

#include "common/err.h"

/*
 * The folder where the relay keeps what it must remember, and who owns what is in it: the service,
 * also when a command that root runs is the first to write there. Blocks.
 */
struct state_owner {
	uid_t uid;
	gid_t gid;
};

/* Makes what is missing of path (0700). The owner of what lies in it is the owner of path; when
 * root makes path itself, the service's user if there is one. */
bool state_folder_make(const char *path, struct state_owner *owner, struct err *err) MUST_CHECK;
/* The same for a folder in one whose owner is known. */
bool state_folder_make_inner(const char *path, const struct state_owner *owner, struct err *err)
	MUST_CHECK;

#endif

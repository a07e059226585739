/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_USERS_H
#define OAUTHRELAY_CONFIG_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/netaddr.h"
#include "common/str.h"
#include "config/config.h"

/*
 * The users who may log in: the file that `users_file` names, a line each:
 *
 *   name:hash
 *   name:hash:account=scanner senders=a@b.c,contoso.com recipients=*.b.c networks=10.0.0.0/8
 *
 * The hash is one of crypt(3), in which there is no colon. Blank lines and lines that begin with #
 * are left out. Errors name file, line, cause and remedy.
 *
 * Read only once it is made (on any thread). Shared and counted: a session keeps the users it began
 * with (what they may is asked of the newest: inbound/sending.h); the count is for the loop's
 * thread.
 */
struct user {
	char *name;
	char *hash;
	char *account;			  /* NULL: none of its own */
	struct config_strings senders;	  /* patterns; none: any */
	struct config_strings recipients; /* the same */
	struct network *networks;	  /* it may log in from; none: any */
	size_t network_count;
	unsigned line; /* of the file */
};

struct users;

enum {
	USERS_FILE_MAX = 1024 * 1024,
	USERS_NAME_MAX = 255
};

struct users *users_parse(struct str text, const char *file, struct err *err) MUST_CHECK;
/* The configuration's; one that is not there has no users. An account that the configuration does
 * not have is an error. Blocks. */
struct users *users_load(const struct config *config, struct err *err) MUST_CHECK;
/* That all accounts they name are the configuration's; file is for the error. */
bool users_check(const struct users *users, const struct config *config, const char *file,
		 struct err *err) MUST_CHECK;
struct users *users_ref(struct users *users);
void users_unref(struct users *users); /* NULL allowed */

size_t users_count(const struct users *users);
/* In the order of their names. */
const struct user *users_at(const struct users *users, size_t index);
/* NULL: nobody of that name. */
const struct user *users_find(const struct users *users, struct str name);
/* NULL: every user says its account; else one that does not. */
const struct user *users_without_account(const struct users *users);

/* May the user log in from there? */
bool user_admits(const struct user *user, const struct netaddr *addr);
/* What can stand for a name in the file, and for a whole line. */
bool user_name_check(struct str name, struct err *err) MUST_CHECK;
bool user_line_check(struct str line, struct err *err) MUST_CHECK;

#endif

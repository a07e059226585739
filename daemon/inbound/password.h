/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_PASSWORD_H
#define OAUTHRELAY_INBOUND_PASSWORD_H

#include <stdbool.h>

#include "common/str.h"
#include "config/users.h"

struct worker;

/*
 * Is this a user's password? A check runs in the crypto lane. A name that is not there costs the
 * hash of one that is, always of the same one, so that time tells nobody who exists, also where
 * some hashes are older and cheaper than others. Loop's thread.
 */
struct password_check;

typedef void password_cb(void *arg, bool right);

/* user: the one of users who is called name, or NULL: nobody, which is always wrong. NULL when the
 * lane is full. cb is called once, on the loop, never from inside. The check is gone after the
 * callback or by cancel; it keeps nothing of users. */
struct password_check *password_verify(struct worker *worker, const struct users *users,
				       struct str name, const struct user *user,
				       struct str password, password_cb *cb, void *arg);
/* Whose hash a name costs that is nobody's; NULL: there are no users. */
const struct user *password_stand_in(const struct users *users, struct str name);
void password_cancel(struct password_check *check); /* NULL allowed; no callback afterwards */

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_EXPIRY_H
#define OAUTHRELAY_OAUTH_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "oauth/account_record.h"
#include "oauth/credential.h"

/*
 * What of an account comes to an end and when: its certificates, its client secrets (without a date
 * by their age, counted from the day the relay first saw them), and the sign-in, which ends when it
 * is not used for so long. Somebody is warned 30, 14, 7, 3 and 1 days before, and when it has
 * happened; once each. Pure: the caller has the timer, the clock and the log.
 *
 * Times are wall clock milliseconds. A clock before 2026 is that of a machine that has just started
 * and does not know the time yet: nothing is said then, neither that all is well nor that all has
 * ended. Wherever the clock jumps to later, the next look is right.
 */
enum expiry_what {
	EXPIRY_SECRET,
	EXPIRY_CERTIFICATE,
	EXPIRY_SIGN_IN
};
const char *expiry_what_name(enum expiry_what what); /* "secret", "certificate", "sign-in" */

enum {
	EXPIRY_NEAR_DAYS = 30,
	EXPIRY_URGENT_DAYS = 3,
};

struct expiry {
	enum expiry_what what;
	char label[64]; /* the credential's; "sign-in" */
	int64_t ends_ms;
	int64_t life_ms; /* as long as it lasts when it is new; 0: not known */
	/* As expiry_days() counts. */
	int days_left;
	bool assumed;	 /* nobody has said when; see account_config.secret_lifetime */
	bool superseded; /* one that was added later and lasts longer has its place: no warning */
	struct err remedy;
};

struct expiry_list {
	struct expiry *v; /* the soonest first */
	size_t n;
};

/* False before 2026, as on a box that has no clock and has just booted: it knows of no day left. */
bool expiry_clock_is_set(int64_t now_ms);

/* From today to the last day on which it is good, as somebody with a calendar counts (UTC); 1 on
 * that day itself too. 0 and less: ended so many days ago. */
int64_t expiry_days(int64_t ends_ms, int64_t now_ms);

/*
 * Gives the secrets that have no date an assumed one, and notes in record (what it has seen, not
 * more) those that it did not know. True when record has changed, and must be stored for that.
 */
bool expiry_note_secrets(struct credential_list *credentials, const struct account_config *account,
			 struct account_record *record, int64_t now_ms);

/* credentials: as credential_list_make() gives them, after expiry_note_secrets(). sign_in_used_ms:
 * when a refresh token was last got or used; 0: nobody has signed in. */
void expiry_list_make(struct expiry_list *out, const struct account_config *account,
		      const struct credential_list *credentials, int64_t sign_in_used_ms,
		      int64_t now_ms);
void expiry_list_done(struct expiry_list *list); /* may be used again */

/* Ends within EXPIRY_NEAR_DAYS, or has ended. */
bool expiry_is_near(const struct expiry *expiry);
/* EXPIRY_URGENT_DAYS or less are left: an error, not a warning any more. */
bool expiry_is_urgent(const struct expiry *expiry);

/* What has been told already. */
struct expiry_watch {
	struct expiry_told *v;
	size_t n;
};
void expiry_watch_done(struct expiry_watch *watch); /* may be used again */
/* One of the list that is to be told now, and is noted as told; NULL: no more of them. So
 * `while ((e = expiry_watch_next(...)) != NULL) tell(e);`. The list is this moment's. */
const struct expiry *expiry_watch_next(struct expiry_watch *watch, const struct expiry_list *list);
/* From now until the next look: the next day or end, an hour at most (the clock may be set). */
int64_t expiry_next_look_ms(const struct expiry_list *list, int64_t now_ms);

#endif

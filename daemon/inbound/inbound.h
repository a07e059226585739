/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_INBOUND_H
#define OAUTHRELAY_INBOUND_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"
#include "config/config.h"
#include "config/users.h"
#include "message/body_in.h"
#include "message/envelope.h"

struct event_base;
struct worker;

/*
 * The server side of SMTP: listeners, sessions, commands, and who may do what (RFC 5321, 1870,
 * 2034, 2920, 3207, 4954, 6152). It knows nothing of the spool: what becomes of a message is behind
 * struct inbound_ops, which the app implements (daemon/ingest.c) and a test can fake.
 *
 * Loop's thread.
 */
struct inbound;
struct inbound_message; /* the other side's handle of a message being received */

/* A refusal the other side wants given; the text is complete but for the code: "4.3.1 The relay's
 * disk is full, try again later". */
struct inbound_refusal {
	unsigned code;
	char text[256];
};

typedef void inbound_accepted_cb(void *arg, const struct msgid *id, int64_t took_ms,
				 const struct inbound_refusal *refusal);

struct inbound_ops {
	/* Is there an account for this sender's mail? login: the user who has logged in, or NULL.
	 * Else *why is the reply to MAIL. */
	bool (*has_account)(void *ctx, const struct config *config, const char *device,
			    const struct user *login, struct inbound_refusal *why);
	/* Largest message that anything could send on for this sender: for EHLO SIZE and MAIL; 0:
	 * any. *whose: the account whose limit that is, or NULL for the relay's own; lives as long
	 * as the configuration. */
	uint64_t (*size_limit)(void *ctx, const struct config *config, const char *device,
			       const struct user *login, const char **whose);
	/* Before 354. The envelope is complete but for its id, which is set here. login: the user
	 * who has logged in, or NULL. NULL: refused. */
	struct inbound_message *(*begin)(void *ctx, const struct config *config,
					 const struct user *login, struct envelope *envelope,
					 struct inbound_refusal *why);
	/* Canonical content; false: stop reading until resume() is called. */
	bool (*write)(struct inbound_message *message, struct str bytes);
	void (*on_resume)(struct inbound_message *message, void (*resume)(void *arg), void *arg);
	/* All of it is there: make it durable, queue it, then call back (refusal NULL: it is safe).
	 * The handle is gone when the callback has been called. */
	void (*finish)(struct inbound_message *message, const struct body_stats *stats,
		       inbound_accepted_cb *cb, void *arg);
	/* Drop it. After finish(): the commit goes on, the callback is not made. */
	void (*abandon)(struct inbound_message *message);
	void *ctx;
};

struct inbound_counters {
	uint64_t connections_total;
	uint64_t accepted_total;
	uint64_t refused_total;
	size_t connections_now;
};

/* Takes one reference of config. Opens the listeners' sockets (blocks nowhere); false names the
 * address and what holds it. */
struct inbound *inbound_new(struct event_base *base, struct worker *worker, struct config *config,
			    const struct inbound_ops *ops, struct err *err) MUST_CHECK;
/* Loads certificates, users and whatever else comes from files; runs in start-up or in a job. */
struct inbound_files;
struct inbound_files *inbound_files_load(const struct config *config, struct err *err) MUST_CHECK;
void inbound_files_free(struct inbound_files *files); /* NULL allowed */
/* The users among them; they stay those of files. */
struct users *inbound_files_users(const struct inbound_files *files);
/* New sessions use these; takes ownership of files and one reference of config. Before the first
 * call nothing is accepted. Listeners that changed are only reported in *restart_needed. */
void inbound_configure(struct inbound *in, struct config *config, struct inbound_files *files,
		       bool *restart_needed);
void inbound_stop_listening(struct inbound *in);
/* Ends sessions with 421: now, or after the message whose content is coming in. For a clean stop.
 */
void inbound_drain(struct inbound *in);
/* What the device has sent so far no longer counts for its hold_above. */
void inbound_release(struct inbound *in, struct str device);
size_t inbound_session_count(const struct inbound *in);
struct inbound_counters inbound_counters(const struct inbound *in);
void inbound_free(struct inbound *in); /* closes what is left; NULL allowed */

#endif

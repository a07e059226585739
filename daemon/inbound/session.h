/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_SESSION_H
#define OAUTHRELAY_INBOUND_SESSION_H

#include <event2/event.h>
#include <event2/util.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/attr.h"
#include "inbound/access.h"
#include "inbound/auth.h"
#include "inbound/line.h"
#include "inbound/password.h"
#include "inbound/roster.h"
#include "inbound/server.h"
#include "inbound/tx.h"

struct bufferevent;
struct tls_hello;

/*
 * One client's connection. Bytes come in through a bufferevent; what they are depends on the mode
 * (session_io.c); commands are rows of command.c, their handlers the cmd_*.c files. Everything that
 * waits (job, timer, drained output) changes the mode and ends in in_session_wake().
 *
 * A session owns its descriptor, bufferevent, timer and transaction. It keeps the configuration and
 * the files it began with, save for what it may send (sending.h). It ends by in_session_finish()
 * (last words first) or in_session_close() (at once); its memory goes at the end of the loop's
 * turn, so any callback may end it.
 *
 * Loop's thread.
 */

/* What the next bytes are, or what we wait for. */
enum session_mode {
	MODE_FIRST_BYTE, /* waits for it, before the greeting (tls = "auto") */
	MODE_COMMAND,	 /* reads command lines */
	MODE_AUTH,	 /* reads answers of an AUTH dialogue */
	MODE_DATA,	 /* reads content up to its end */
	MODE_BDAT,	 /* reads a chunk of content */
	MODE_WAIT,	 /* a job decides (password, commit); what comes in waits */
	MODE_DELAY,	 /* the answer to a failed login is held back */
	MODE_STARTTLS,	 /* the 220 is on its way out */
	MODE_HANDSHAKE,	 /* TLS begins */
	MODE_CLOSING,	 /* our last reply is on its way out */
	MODE_LINGER,	 /* our side is shut; what still comes is thrown away */
	MODE_DEAD,
};

/* How far the dialogue has come: what the command table's rows are legal in. */
enum session_phase {
	PHASE_START, /* no EHLO or HELO yet, or not since TLS began */
	PHASE_HELLO,
	PHASE_MAIL, /* a sender, no recipient */
	PHASE_RCPT, /* at least one recipient */
	PHASE_BDAT, /* content, in part: BDAT has come, and its LAST has not */
};

struct in_session {
	TAILQ_ENTRY(in_session) link;
	struct inbound *in;
	struct config *config;
	struct inbound_files *files;
	struct listener *listener;     /* NULL: it is closed */
	struct roster_entry *seen;     /* what is known of the address; not NULL before MODE_DEAD */
	struct transcript *transcript; /* NULL: nothing was said, or none is wanted */
	int64_t started_ms;
	SSL_CTX *tls_context; /* of files; NULL: no TLS here */
	evutil_socket_t fd;
	struct bufferevent *bev;
	SSL *ssl;		  /* NULL before TLS */
	struct tls_hello *hello;  /* during the handshake */
	struct event *first_byte; /* in MODE_FIRST_BYTE */
	struct event *timer;
	struct event *wake;
	char id[9];
	char *peer; /* "192.168.1.9:1025" */
	struct access access;

	enum session_mode mode;
	enum session_phase phase;
	bool greeted;	/* the 220 has been said */
	bool esmtp;	/* EHLO, not HELO */
	bool tls;	/* the handshake is done */
	bool logged_in; /* by whatever password the access rules ask for */
	bool eof;	/* the client has shut its side */
	bool lost;	/* nothing can be sent any more; a commit under way is waited for */
	bool heard;	/* a line has come */
	bool failed;	/* something was refused, or the connection broke */
	bool cr;	/* a CR has come, in a line or in content */
	char *helo;
	const struct user *login; /* one of files->users, checked; or NULL */
	struct line_reader line;
	uint64_t errors;
	uint64_t failed_logins;	      /* and those that were locked out */
	struct auth_dialogue *auth;   /* during AUTH */
	struct password_check *check; /* a password is being checked */
	struct tx tx;
	/* While content comes: see content.h */
	int64_t progress_ms;   /* when content last came */
	int64_t window_ms;     /* when the window of the minimum rate began */
	uint64_t window_bytes; /* tx.wire_bytes at that time */
	const char *reason;    /* for the log */
};

/* Takes fd. addr and peer are the client's. */
struct in_session *in_session_new(struct inbound *in, struct listener *listener, evutil_socket_t fd,
				  const struct netaddr *addr, const char *peer);
void in_session_free(struct in_session *s); /* for the reaper and inbound_free() only */

/* The one place where a mode changes: sets the timer that belongs to it. */
void in_session_set_mode(struct in_session *s, enum session_mode mode);
void in_session_set_timer(struct in_session *s, int64_t ms); /* instead of the mode's own */
/* Goes on with what is in the buffers, from the loop. */
void in_session_wake(struct in_session *s);

/* One reply, one write; text as for sreply_append(). 4xx and 5xx are logged, 5xx counted. */
void in_session_reply(struct in_session *s, unsigned code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void in_session_reply_lines(struct in_session *s, unsigned code, struct str lines);
void in_session_refuse(struct in_session *s, const struct inbound_refusal *why);
/* "421 4.4.2 Timeout: no data for 5m" */
void in_session_timed_out(struct in_session *s, const char *what, int64_t limit_ms);

/* Back to before MAIL. */
void in_session_reset(struct in_session *s);
/* Sends what is in the output buffer, then ends. reason is static. */
void in_session_finish(struct in_session *s, const char *reason);
void in_session_close(struct in_session *s, const char *reason);
/* Inside content, of DATA or of a chunk. */
bool in_session_reads_content(const struct in_session *s);
/* 421, and the end. */
void in_session_too_slow(struct in_session *s);
void in_session_shut_down(struct in_session *s);
/* For a clean stop: in_session_shut_down(), unless content is coming in or being stored. A client
 * that is silent inside content does not hold up the stop for long (content.h). */
void in_session_drain(struct in_session *s);
/* Largest message of this client now. */
uint64_t in_session_size_limit(const struct in_session *s);

/* session_notes.c */
/* For what ends without a reply: logged, counted, and in the transcript. */
void in_session_log_refused(struct in_session *s, const char *what);
/* The same for a reply, which the transcript has already. */
void in_session_count_refused(struct in_session *s, const char *what);
void in_session_note_line(struct in_session *s, struct str line); /* from the client */
void in_session_note_reply(struct in_session *s, struct str wire);
void in_session_note_event(struct in_session *s, const char *text); /* transcript only */
void in_session_note_tls(struct in_session *s);			    /* the handshake is done */
/* It is over: its transcript goes to the roster, its connection is counted no more. */
void in_session_leave(struct in_session *s);

/* session_io.c */
void in_session_attach(struct in_session *s, struct bufferevent *bev);
void in_session_process(struct in_session *s);

/* session_tls.c */
bool session_tls_is_hello(unsigned char first); /* a client that begins so means TLS */
/* Greets, begins TLS, or waits for the first byte: as the listener wants it. */
void session_tls_open(struct in_session *s, enum listener_tls tls);
void session_tls_silent(struct in_session *s);	      /* limits.auto_wait is over */
void session_tls_unexpected(struct in_session *s);    /* a hello where text is expected */
bool session_tls_offered(const struct in_session *s); /* STARTTLS, now */
void session_tls_begin(struct in_session *s);	      /* the handshake */
void session_tls_done(struct in_session *s);	      /* it has succeeded */
void session_tls_failed(struct in_session *s, short what);
void session_tls_release(struct in_session *s); /* what only waiting and handshake need */

/* cmd_auth.c */
void auth_line(struct in_session *s, struct str line);
void auth_delay_over(struct in_session *s);
void auth_abort(struct in_session *s); /* the dialogue is over, without a login */

/* cmd_data.c, cmd_bdat.c; false: more is needed, or a pause */
bool data_input(struct in_session *s);
bool bdat_input(struct in_session *s);

#endif

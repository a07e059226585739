/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_SMTP_SCRIPT_H
#define OAUTHRELAY_TESTS_SMTP_SCRIPT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

/*
 * A scripted SMTP server in the test's own event loop, at the other end of a TCP connection on
 * 127.0.0.1. It does what its steps say, in their order, and knows nothing of SMTP:
 *
 *   "S:text"  sends text and CR LF          "s:text"  sends text as it is
 *   "C:text"  a line must come, exactly so  "c:text"  a line that begins so
 *   "QUIET"   nothing else has come yet
 *   "DATA"    content up to CR LF "." CR LF must come; it is kept
 *   "READ:n"  n bytes must come; they are thrown away
 *   "TLS"     becomes a TLS server
 *   "NOTIFY"  ends TLS, but not the connection
 *   "FIN"     closes          "RST"  closes by a reset        "HALF"  closes its sending side
 *   "NO:text" in what has come so far, text is not
 *   "DEAF"    does not read any more
 *   "FAST:n"  time-outs that are set from now on are n times shorter (fake_time_divide)
 *   "EOF"     the client must close    "CLEAN"  and end TLS before
 *
 * A step that sends waits until it is sent. Also here: a dial_start() that connects to it, and an
 * event_add() whose time passes faster, for tests that begin with WRAP: dial_start dial_cancel
 * event_add.
 */
struct smtp_script;

struct smtp_script *smtp_script_new(struct event_base *base, const char *const *steps,
				    SSL_CTX *context);
void smtp_script_free(struct smtp_script *s);
/* Every byte that is sent goes out in a segment of its own. */
void smtp_script_drip(struct smtp_script *s);
/* The client's end of the connection, until fake dial_start() has given it away. */
int smtp_script_client(const struct smtp_script *s);
/* Sends at once, in clear text, whatever the step. */
void smtp_script_inject(struct smtp_script *s, const char *text);
/* Closes at once, whatever the step. */
void smtp_script_cut(struct smtp_script *s);
bool smtp_script_is_done(const struct smtp_script *s); /* or has failed */
/* The step that waits now, "" after the last. */
const char *smtp_script_step(const struct smtp_script *s);
/* NULL if all steps were done; else what is wrong, or where it stands. */
const char *smtp_script_verdict(struct smtp_script *s);
/* What the last DATA step took, with its dot; n bytes. */
const char *smtp_script_content(const struct smtp_script *s, size_t *n);

/* What the next dial_start() gives: a connection to s, or, with NULL, this failure. */
void fake_dial_prepare(struct smtp_script *s, int failure, const char *text);
/* How often dial_cancel() was called with something to cancel. */
unsigned fake_dial_cancelled(void);

/* Every time-out is divided by this; 1 at first. */
void fake_time_divide(int64_t by);
/* The longest time-out that was asked for since the last call, before division. */
int64_t fake_time_longest_ms(void);

#endif

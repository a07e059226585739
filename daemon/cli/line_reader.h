/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_LINE_READER_H
#define OAUTHRELAY_CLI_LINE_READER_H

#include "common/str.h"

struct event_base;

/*
 * Lines of what somebody types or pastes, while the loop does other things. On a terminal nothing
 * of it is shown, and it is not limited to the 4,095 bytes that a terminal's own line editing cuts
 * at: an address with a code in it may be longer. The terminal is as before once this is freed, so
 * whoever is ended by a signal must free it first. Loop's thread.
 */
enum {
	LINE_READER_MAX = 16 * 1024
};

struct line_reader;

/* Without its end; n 0 is an empty line. line.p NULL: there will be no more. Wiped afterwards. May
 * not free the reader. */
typedef void line_reader_cb(void *arg, struct str line);

struct line_reader *line_reader_new(struct event_base *base, int fd, line_reader_cb *cb, void *arg);
void line_reader_free(struct line_reader *reader); /* NULL allowed */

#endif

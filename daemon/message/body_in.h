/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_MESSAGE_BODY_IN_H
#define OAUTHRELAY_MESSAGE_BODY_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/*
 * Mail content on its way in (RFC 5321 4.5.2, 2.3.8; RFC 3030): finds the end, removes dot-stuffing
 * and makes line ends canonical, in one pass, whatever the segmentation.
 *
 * A lone LF becomes CR LF, a lone CR a space; a NUL sets `nul` (the message will be refused, the
 * stream stays in step). Output always ends with CR LF, unless it is empty. The mode says what a
 * dot at the start of a line means:
 *
 *   DATA     Only CR LF . CR LF ends the data (threats.md SMG-*), a dot behind CR LF is un-stuffed.
 *            Lone CRs and LFs take no part in either.
 *   DATA_LF  For a client that has never sent a CR (the quirk bare-lf): LF . LF ends the data, a
 *            dot behind LF is un-stuffed. The first CR turns this into DATA, for good: what has
 * been handed on stays as it is, and an end half seen (LF . CR) is none: that dot stood behind a
 * lone LF, so it is text.
 *
 *   BDAT     The chunks' sizes end it (body_in_finish()); dots mean nothing. A CR at the end of one
 *            chunk and a LF at the start of the next are a line's end.
 *
 * On the way it measures what sending needs to know in advance. The header ends behind the first
 * empty line, or before the first line that is no header field.
 *
 * Output is given to emit() in slices that live only during the call, mostly parts of the input.
 * Pure but for that call.
 */
struct body_stats {
	uint64_t header_size;  /* including the empty line, where there is one; so far: all of it */
	uint64_t size;	       /* all of it */
	uint64_t longest_line; /* without CR LF */
	bool eight_bit;
	bool eight_bit_header; /* what SMTPUTF8 is for (RFC 6532) */
	bool header_done;
	unsigned received_count; /* Received: fields, for loops (RFC 5321 6.3) */
};

enum body_in_mode {
	BODY_IN_DATA,
	BODY_IN_DATA_LF,
	BODY_IN_BDAT,
};

typedef void body_emit(void *arg, struct str bytes);

struct body_in {
	body_emit *emit;
	void *arg;
	struct body_stats stats;
	bool nul;
	enum body_in_mode mode; /* now */
	/* private: position in the line and what has been seen but not emitted */
	uint8_t state;
	uint8_t field;
	uint64_t line_length;
	uint8_t name_length;
	char name[8];
};

void body_in_init(struct body_in *b, enum body_in_mode mode, body_emit *emit, void *arg);
/* Our own header lines, put in front of the client's before feeding; canonical already. */
void body_in_prepend(struct body_in *b, struct str lines);
/* Consumes from *in; true when the end of data was consumed (what follows stays in *in). */
bool body_in_feed(struct body_in *b, struct str *in);
/* BODY_IN_BDAT: that was the last chunk. */
void body_in_finish(struct body_in *b);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_UPSTREAM_EHLO_H
#define OAUTHRELAY_UPSTREAM_EHLO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/*
 * What a server offers in its reply to EHLO (RFC 5321 4.1.1.1). Pure; foreign bytes in, flags out,
 * unknown lines passed over.
 */
struct ehlo {
	bool starttls;
	bool pipelining;
	bool eight_bit; /* 8BITMIME */
	bool smtputf8;
	bool dsn;
	bool size;	   /* SIZE is understood as a parameter of MAIL */
	uint64_t size_max; /* 0: no limit is told */
	bool xoauth2;
	bool oauthbearer;
};

/* lines: the reply's lines without their codes, '\n' between; the first is the greeting and says
 * nothing, whatever its words. Keywords in any case. */
void ehlo_parse(struct str lines, struct ehlo *out);
/* "LOGIN XOAUTH2": the words of the AUTH line, a slice of `lines`; empty when there is none. */
struct str ehlo_mechanisms(struct str lines);

#endif

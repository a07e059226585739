/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_PROTECT_H
#define OAUTHRELAY_CLI_PROTECT_H

#include <stddef.h>

/*
 * What must hold before anything else runs in this process, since secrets will be in its memory
 * (threats.md ENV-02): no core dumps, no debugger of another user, and no say for the environment
 * it was started in, nor for those it starts, in where tokens are sent, whom TLS trusts and where
 * its keys are written. A broken pipe is no signal. At the program's start, one thread.
 */
void protect_process(void);

extern const char *const protect_unwanted[];
extern const size_t protect_unwanted_count;

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_QUEUE_RETRY_H
#define OAUTHRELAY_QUEUE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long to wait: exponential backoff with jitter for messages and connections, and the fixed
 * steps at which a held account tries itself (design.md section 4, "Held"). Milliseconds, pure but
 * for the randomness.
 */

/* first * 2^(attempts - 1), at most max, give or take a fifth. attempts counts from 1. */
int64_t retry_backoff_ms(unsigned attempts, int64_t first_ms, int64_t max_ms);
/* 5, 15, 30, then every 60 minutes; `locked` (the server says the account is locked) starts at 30,
 * because trying is what keeps it locked. probes counts from 0. */
int64_t retry_probe_ms(unsigned probes, bool locked);

#endif

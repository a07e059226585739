/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_SD_H
#define OAUTHRELAY_COMMON_SD_H

#include "common/attr.h"

/*
 * Word to systemd, through libsystemd; nothing happens when the process is not its child. The
 * messages are datagrams to a local socket and do not block. Loop's thread.
 */
void sd_ready(const char *status);
void sd_reloading(void); /* RELOADING=1 with MONOTONIC_USEC; sd_ready() ends it */
void sd_stopping(void);
void sd_status(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Listening sockets it has opened for us (sd_listen_fds(3)): how many, from descriptor *first on,
 * each closed on exec. They are given once: the environment variables that announce them are
 * removed, so that nobody started by us takes them for its own. Call it while no other thread reads
 * the environment. */
int sd_sockets(int *first);

#endif

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

#endif

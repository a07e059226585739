/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_VERSION_H
#define OAUTHRELAY_COMMON_VERSION_H

/* The program's version, "0.1.0", as the Makefile gives it. Any thread. */
const char *version_string(void);

#endif

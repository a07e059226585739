/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_FDLIMIT_H
#define OAUTHRELAY_COMMON_FDLIMIT_H

#include <stddef.h>

/*
 * How many descriptors this process may have (RLIMIT_NOFILE). Any thread.
 */

/* The limit in force. */
size_t fdlimit_get(void);
/* Raises it to what the system allows (the soft limit to the hard one); returns what holds then.
 * Nothing here uses select(), so a number above 1024 does no harm. */
size_t fdlimit_raise(void);
/* How many of so many should not be given to clients, so that there is always one for a file of the
 * spool, a connection out, the control socket: a quarter, but 1024 at most. */
size_t fdlimit_reserve(size_t limit);

#endif

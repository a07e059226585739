/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_DIAL_H
#define OAUTHRELAY_COMMON_DIAL_H

#include <stdint.h>

#include "common/err.h"
#include "common/netaddr.h"

struct event_base;
struct resolver;

/*
 * A TCP connection to a host by name: resolves it (common/resolver.h), races its addresses 200 ms
 * apart, the families in turn (RFC 8305), and hands over the first connected descriptor. So dead
 * addresses, of either family and however many, cost 200 ms each and never the time-out. Each
 * attempt is one of libcurl's CONNECT_ONLY (design.md, Threads), which can pass proxies as well.
 * The descriptor is non-blocking, close-on-exec, TCP_NODELAY, and the caller's. Loop's thread.
 */
struct dialer;
struct dial;

enum dial_failure {
	DIAL_OK = 0,
	DIAL_FAIL_DNS,
	DIAL_FAIL_CONNECT,
	DIAL_FAIL_TIMEOUT
};

/* fd is -1 on failure; err then names the host, the time and each address with its fate. Once, on
 * the loop, never from inside dial_start(); the handle is gone already. */
typedef void dial_cb(void *arg, enum dial_failure failure, int fd, const struct err *err);

struct dialer *dialer_new(struct event_base *base, struct resolver *resolver);
void dialer_free(struct dialer *dialer); /* no dial may be open; NULL allowed */
struct dial *dial_start(struct dialer *dialer, const char *host, unsigned port, int64_t timeout_ms,
			dial_cb *cb, void *arg);
void dial_cancel(struct dial *dial); /* NULL allowed; no callback afterwards */

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_INBOUND_ACCESS_H
#define OAUTHRELAY_INBOUND_ACCESS_H

#include <stdbool.h>

#include "common/netaddr.h"
#include "config/config.h"
#include "inbound/inbound.h"

/*
 * Who a client is and what it may do (design.md section 4, "Who may send"). Decided once, when it
 * connects, from its address and the listener; what changes later (TLS, login) is passed in.
 * Pure functions.
 *
 * requirement is the stricter of listener and device:
 *   none          an admitted address may send; AUTH is offered for printers that insist on it, and
 *                 any password is taken and thrown away
 *   any password  an admitted address may send after a login, whatever the password
 *   required      whoever logs in as one of our users may send, from any address
 */
struct access {
	struct netaddr addr;
	bool admitted;	    /* by `allow` or `devices` */
	const char *device; /* its name, or NULL; lives as long as the configuration */
	enum auth_rule requirement;
	bool cleartext_auth;		 /* real users may log in without TLS */
	unsigned quirks;		 /* of the device: bits of enum quirk */
	const struct device_config *row; /* of the device, or NULL; lives as its name */
};

enum access_auth {
	ACCESS_AUTH_NONE,  /* there is nothing to log in for */
	ACCESS_AUTH_TLS,   /* after STARTTLS only; until then no password is asked for */
	ACCESS_AUTH_ANY,   /* any password */
	ACCESS_AUTH_USERS, /* against the users file */
};

struct access access_decide(const struct config *config, const struct netaddr *addr,
			    enum auth_rule listener);
enum access_auth access_auth(const struct access *a, bool tls);
/* May it send now? Else *why holds the reply to MAIL. */
bool access_may_send(const struct access *a, bool tls, bool logged_in, struct inbound_refusal *why);

#endif

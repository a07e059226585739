/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_HOSTNAME_H
#define OAUTHRELAY_CONFIG_HOSTNAME_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/strbuf.h"

/*
 * The machine's name for banner and EHLO where `hostname` is not set. Exchange accepts only a full
 * name or an address literal (microsoft365.md 1.1), and many machines call themselves
 * "localhost", "raspberrypi" or "print_server". May ask the resolver, so it blocks; any thread.
 */

/* Appends a full name and returns true; or, where the machine has none that is fit, the literal of
 * an interface's address ("[192.168.1.5]", at worst "[127.0.0.1]") and returns false. */
bool hostname_guess(struct strbuf *out);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_CONFIG_TEXT_H
#define OAUTHRELAY_TESTS_CONFIG_TEXT_H

#include "config/config.h"

/*
 * A configuration from a text, for tests: writes it into a temporary folder with a secret beside
 * it, loads it, removes both.
 */

/* Account keys that make one complete Microsoft account; the secret is a file. */
#define CONFIG_ACCOUNT                                                                        \
	"name = \"scanner\"; provider = \"microsoft365\"; mailbox = \"scanner@contoso.com\";" \
	"tenant = \"contoso.onmicrosoft.com\";"                                               \
	"client_id = \"11111111-2222-3333-4444-555555555555\";"                               \
	"client_secret = \"file:@DIR@/secret\";"
/* Everything the smallest useful file has but its account. */
#define CONFIG_TOP                                                         \
	"hostname = \"relay.contoso.com\";"                                \
	"listen = [ \"127.0.0.1:2525\" ]; allow = [ \"192.168.0.0/16\" ];" \
	"postmaster = \"it@contoso.com\";"
#define CONFIG_SMALLEST CONFIG_TOP "accounts = ( { " CONFIG_ACCOUNT " } );"

/* The secret in @DIR@/secret. */
#define CONFIG_SECRET "s3cr3t~value"

/* Users files: in @DIR@/users anna, who has no account; in @DIR@/routed bert, whose account is
 * "old".
 */
/* "@DIR@" in text becomes the folder. report is initialised here; the caller ends it with
 * config_report_done(). Findings name the file as "relay.conf". */
struct config *config_from_text(const char *text, struct config_report *report);
/* The same by config_load_by_hand(). */
struct config *config_by_hand_from_text(const char *text, struct config_report *report);
/* The same, where findings of any kind fail the test. */
struct config *config_must_load(const char *text);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_APP_H
#define OAUTHRELAY_APP_H

/*
 * The daemon: the only place that knows all parts. It wires them together, owns the loop, obeys the
 * signals (HUP: reload; TERM and INT: stop), and tells systemd.
 */
struct app_options {
	const char *config_path;
};

/* Runs until stopped. 0: a clean stop; 1: it could not start (the reason is on stderr). */
int app_run(const struct app_options *options);

#endif

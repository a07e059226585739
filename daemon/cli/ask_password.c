/* SPDX-License-Identifier: MIT */
#include "cli/ask_password.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/fsx.h"

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

/* One line without its end. The bytes are read one by one: what follows is not ours. */
static bool read_line(int in, struct secret *out, struct err *err)
{
	char text[PASSWORD_BYTES_MAX + 2] = { 0 };
	size_t n = 0;
	bool ok = true;
	while (ok && n < sizeof(text)) {
		ssize_t got = read(in, &text[n], 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ok = err_errno(err, errno, "the password cannot be read");
		if (got <= 0 || text[n] == '\n')
			break;
		n++;
	}
	if (ok && n != 0 && text[n - 1] == '\r')
		n--;
	if (ok && n > PASSWORD_BYTES_MAX)
		ok = err_set(err, "the password is longer than %d bytes", (int)PASSWORD_BYTES_MAX);
	for (size_t i = 0; ok && i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			ok = err_set(err, "the password has a control character");
	if (ok && n == 0)
		ok = err_set(err, "the password is empty; nothing was changed");
	if (ok)
		secret_set(out, (struct str){ text, n });
	secret_wipe(text, sizeof(text));
	return ok;
}

/* Until there is input, or a signal that would end us with the echo off. */
static void wait_for_input(int in, int signals)
{
	struct pollfd fds[] = { { in, POLLIN, 0 }, { signals, POLLIN, 0 } };
	while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR)
		continue;
}

static bool prompt(int out, const char *what, const char *name, struct err *err)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s for %s: ", what, name);
	return fsx_write_all(out, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, err);
}

static bool read_hidden(int in, int out, const char *what, const char *name, struct secret *secret,
			struct err *err)
{
	struct termios before, silent;
	sigset_t set, old;
	if (!prompt(out, what, name, err))
		return false;
	if (tcgetattr(in, &before) != 0)
		return err_errno(err, errno, "the terminal");
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(ending_signals); i++)
		sigaddset(&set, ending_signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	int signals = signalfd(-1, &set, SFD_CLOEXEC);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	bool ok = signals >= 0 && tcsetattr(in, TCSAFLUSH, &silent) == 0;
	if (ok) {
		wait_for_input(in, signals);
		struct pollfd pending = { signals, POLLIN, 0 };
		bool interrupted = poll(&pending, 1, 0) == 1;
		ok = interrupted ? err_set(err, "interrupted; nothing was changed")
				 : read_line(in, secret, err);
		(void)tcsetattr(in, TCSAFLUSH, &before);
	} else {
		err_errno(err, errno, "the terminal's echo cannot be switched off");
	}
	if (signals >= 0)
		close(signals);
	ok = fsx_write_all(out, "\n", 1, err) && ok;
	/* Now a signal that waits does what it does. */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

bool ask_password(int in, int out, const char *name, struct secret *secret, struct err *err)
{
	struct secret again = { NULL, 0 };
	if (isatty(in) != 1)
		return read_line(in, secret, err);
	if (!read_hidden(in, out, "Password", name, secret, err))
		return false;
	bool ok = read_hidden(in, out, "The same again", name, &again, err);
	if (ok && !secret_equal(secret, &again))
		ok = err_set(err, "these were two different passwords; nothing was changed");
	if (!ok)
		secret_done(secret);
	secret_done(&again);
	return ok;
}

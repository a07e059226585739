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

struct asked_for {
	const char *what;
	size_t max;
};

static const struct asked_for password = { "password", PASSWORD_BYTES_MAX };
static const struct asked_for client_secret = { "secret", CLIENT_SECRET_BYTES_MAX };

/* One line without its end, room bytes at most; -1 on error. The bytes are read one by one: what
 * follows is not ours. */
static ssize_t read_bytes(int in, char *text, size_t room)
{
	size_t n = 0;
	while (n < room) {
		ssize_t got = read(in, &text[n], 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0 || text[n] == '\n')
			break;
		n++;
	}
	return (ssize_t)n;
}

static bool is_fine(const struct asked_for *of, struct str text, struct err *err)
{
	if (text.n > of->max)
		return err_set(err, "the %s is longer than %zu bytes", of->what, of->max);
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return err_set(err, "the %s has a control character", of->what);
	return text.n != 0 || err_set(err, "the %s is empty; nothing was changed", of->what);
}

static bool read_line(int in, const struct asked_for *of, struct secret *out, struct err *err)
{
	char text[CLIENT_SECRET_BYTES_MAX + 2] = { 0 };
	ssize_t n = read_bytes(in, text, of->max + 2);
	if (n < 0)
		return err_errno(err, errno, "the %s cannot be read", of->what);
	if (n != 0 && text[n - 1] == '\r')
		n--;
	struct str line = { text, (size_t)n };
	bool ok = is_fine(of, line, err);
	if (ok)
		secret_set(out, line);
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

static bool read_hidden(int in, int out, const struct asked_for *of, const char *what,
			const char *name, struct secret *secret, struct err *err)
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
				 : read_line(in, of, secret, err);
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
		return read_line(in, &password, secret, err);
	if (!read_hidden(in, out, &password, "Password", name, secret, err))
		return false;
	bool ok = read_hidden(in, out, &password, "The same again", name, &again, err);
	if (ok && !secret_equal(secret, &again))
		ok = err_set(err, "these were two different passwords; nothing was changed");
	if (!ok)
		secret_done(secret);
	secret_done(&again);
	return ok;
}

bool ask_client_secret(int in, int out, const char *name, struct secret *secret, struct err *err)
{
	struct secret line = { NULL, 0 };
	bool ok = isatty(in) == 1 ? read_hidden(in, out, &client_secret, "New client secret", name,
						&line, err)
				  : read_line(in, &client_secret, &line, err);
	struct str pasted = str_trim(secret_reveal(&line));
	if (ok && pasted.n == 0)
		ok = err_set(err, "the secret is empty");
	if (ok)
		secret_set(secret, pasted);
	secret_done(&line);
	return ok;
}

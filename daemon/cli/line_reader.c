/* SPDX-License-Identifier: MIT */
#include "cli/line_reader.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/secret.h"

enum {
	/* What a terminal sends for these keys when it edits no lines itself. */
	KEY_BACKSPACE = 0x08,
	KEY_END = 0x04,	   /* Ctrl-D */
	KEY_CANCEL = 0x15, /* Ctrl-U */
	KEY_DELETE = 0x7f,
};

struct line_reader {
	int fd;
	line_reader_cb *cb;
	void *arg;
	struct event *event;
	bool pollable; /* a terminal, pipe or socket; else it is read as the loop turns */
	bool raw;
	bool ended;
	struct termios before;
	struct secret line; /* room for LINE_READER_MAX, n of them used */
};

static void finish_line(struct line_reader *r)
{
	struct str line = secret_reveal(&r->line);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	r->cb(r->arg, line);
	secret_wipe(r->line.p, r->line.n);
	r->line.n = 0;
}

static void end(struct line_reader *r)
{
	if (r->ended)
		return;
	r->ended = true;
	event_del(r->event);
	if (r->line.n != 0)
		finish_line(r);
	r->cb(r->arg, (struct str){ NULL, 0 });
}

/* False: there is no more. */
static bool take_key(struct line_reader *r, char c)
{
	if (c == '\n' || (r->raw && c == '\r')) {
		finish_line(r);
	} else if (r->raw && (c == KEY_BACKSPACE || c == KEY_DELETE)) {
		r->line.n -= r->line.n != 0;
	} else if (r->raw && c == KEY_CANCEL) {
		r->line.n = 0;
	} else if (r->raw && c == KEY_END && r->line.n == 0) {
		return false;
	} else if (r->line.n < LINE_READER_MAX) { /* the rest is left out */
		r->line.p[r->line.n++] = c;
	}
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct line_reader *r = arg;
	char bytes[4096];
	(void)fd;
	(void)what;
	ssize_t n = read(r->fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	bool more = n > 0;
	for (ssize_t i = 0; more && i < n; i++)
		more = take_key(r, bytes[i]);
	secret_wipe(bytes, sizeof(bytes));
	if (!more)
		end(r);
	else if (!r->pollable)
		event_active(r->event, EV_READ, 0);
}

/* A terminal that belongs to somebody else now would stop us as soon as we read. */
static bool is_own_terminal(int fd)
{
	return isatty(fd) == 1 && tcgetpgrp(fd) == getpgrp();
}

/* Line by line it would cut long ones, and show what is pasted. Ctrl-C goes on working; Ctrl-Z
 * would leave the shell with a silent terminal. */
static void make_raw(struct line_reader *r)
{
	struct termios raw;
	if (tcgetattr(r->fd, &r->before) != 0)
		return;
	raw = r->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	r->raw = tcsetattr(r->fd, TCSANOW, &raw) == 0;
}

struct line_reader *line_reader_new(struct event_base *base, int fd, line_reader_cb *cb, void *arg)
{
	struct stat st;
	struct line_reader *r = mem_zalloc(sizeof(*r));
	bool known = fstat(fd, &st) == 0;
	bool terminal = is_own_terminal(fd);
	r->fd = fd;
	r->cb = cb;
	r->arg = arg;
	r->line.p = mem_zalloc(LINE_READER_MAX);
	r->pollable = known && (terminal || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	if (terminal)
		make_raw(r);
	/* /dev/null ends at once; a terminal in the background is none to read from. */
	bool readable = known && (r->pollable || isatty(fd) != 1);
	r->event = event_new(base, r->pollable ? fd : -1, r->pollable ? EV_READ | EV_PERSIST : 0,
			     on_readable, r);
	if (r->pollable)
		event_add(r->event, NULL);
	else if (readable)
		event_active(r->event, EV_READ, 0);
	return r;
}

void line_reader_free(struct line_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->raw)
		(void)tcsetattr(reader->fd, TCSANOW, &reader->before);
	event_free(reader->event);
	secret_wipe(reader->line.p, LINE_READER_MAX);
	free(reader->line.p);
	free(reader);
}

/* SPDX-License-Identifier: MIT */
#include "common/sd.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* sd_notify(3) takes one assignment a line: a line break in a text would begin another. */
static void flatten(char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

void sd_ready(const char *status)
{
	char text[256];
	snprintf(text, sizeof(text), "%s", status);
	flatten(text);
	sd_notifyf(0, "READY=1\nSTATUS=%s", text);
}

void sd_reloading(void)
{
	struct timespec now;
	/* Type=notify-reload compares this with its own clock, which is CLOCK_MONOTONIC. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t usec = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, usec);
}

void sd_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void sd_status(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	flatten(text);
	sd_notifyf(0, "STATUS=%s", text);
}

int sd_sockets(int *first)
{
	int count = sd_listen_fds(1);
	*first = SD_LISTEN_FDS_START;
	/* A malformed LISTEN_FDS is as good as none. */
	return count > 0 ? count : 0;
}

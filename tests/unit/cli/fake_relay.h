/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_FAKE_RELAY_H
#define OAUTHRELAY_TESTS_FAKE_RELAY_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/command.h"

/*
 * A relay's control socket that answers each question with the next text of a list, and the command
 * line that asks it.
 */
struct fake {
	char dir[32];
	struct sockaddr_un address;
	int fd;
	pthread_t thread;
	const char *const *answers; /* "STATUS BODY", ends with NULL */
	char *asked[8];		    /* the request lines */
	char body[64];		    /* of the last request, as far as it came with its header */
	size_t asked_count;
};

static void answer(int fd, const char *text)
{
	char *reply = NULL;
	const char *body = strchr(text, ' ') + 1;
	int n = asprintf(&reply,
			 "HTTP/1.1 %.3s X\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
			 text, strlen(body), body);
	ssize_t done = write(fd, reply, (size_t)n);
	(void)done; /* a client that has gone is the test's failure, not ours */
	free(reply);
}

/* False when the client only looked whether somebody is there. */
static bool serve(struct fake *f, int fd, const char *text)
{
	char request[4096];
	size_t n = 0;
	do {
		ssize_t got = read(fd, request + n, sizeof(request) - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		request[n] = '\0';
	} while (strstr(request, "\r\n\r\n") == NULL);
	snprintf(f->body, sizeof(f->body), "%s", strstr(request, "\r\n\r\n") + 4);
	request[strcspn(request, "\r")] = '\0';
	f->asked[f->asked_count++] = str_dup(str_of(request));
	answer(fd, text);
	return true;
}

static void *fake_main(void *arg)
{
	struct fake *f = arg;
	for (size_t i = 0; f->answers[i] != NULL;) {
		int fd = accept(f->fd, NULL, NULL);
		if (fd < 0)
			break;
		i += serve(f, fd, f->answers[i]);
		close(fd);
	}
	return NULL;
}

static void fake_start(struct fake *f, const char *const *answers)
{
	*f = (struct fake){ .dir = "/tmp/oar-client-XXXXXX", .answers = answers };
	f->address.sun_family = AF_UNIX;
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/sock", f->dir);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	assert_int_equal(listen(f->fd, 5), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_main, f), 0);
}

/* Waits until all answers are given; then asked may be looked at. */
static void fake_stop(struct fake *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	unlink(f->address.sun_path);
	rmdir(f->dir);
}

static void fake_done(struct fake *f)
{
	for (size_t i = 0; i < f->asked_count; i++)
		free(f->asked[i]);
}

/* `oauthrelay --socket PATH words...`; b and c may be NULL. */
static int fake_ask(struct cli *cli, const char *socket_path, const char *a, const char *b,
		    const char *c)
{
	const char *argv[] = { "oauthrelay", "--socket", socket_path, a, b, c };
	int argc = 4 + (b != NULL) + (b != NULL && c != NULL);
	cli_init(cli);
	return command_main(cli, argc, argv);
}

static const char *fake_out(const struct cli *cli)
{
	return strbuf_cstr(&cli->out);
}

static const char *fake_err(const struct cli *cli)
{
	return strbuf_cstr(&cli->err);
}

#endif

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/sd.h"

static int manager = -1; /* stands in for systemd */
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static char said[512];

static int setup(void **state)
{
	char folder[] = "/tmp/test_sd.XXXXXX";
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(manager, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	return setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

static int teardown(void **state)
{
	(void)state;
	close(manager);
	unlink(address.sun_path);
	*strrchr(address.sun_path, '/') = '\0';
	return rmdir(address.sun_path);
}

static const char *heard(void)
{
	ssize_t n = recv(manager, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	return said;
}

static void test_messages(void **state)
{
	(void)state;
	sd_ready("running");
	assert_string_equal(heard(), "READY=1\nSTATUS=running");
	sd_status("%d queued\nREADY=0", 7);
	assert_string_equal(heard(), "STATUS=7 queued READY=0");
	sd_stopping();
	assert_string_equal(heard(), "STOPPING=1");
}

static void test_reloading(void **state)
{
	static const char expected[] = "RELOADING=1\nMONOTONIC_USEC=";
	struct timespec now;
	(void)state;
	sd_reloading();
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_memory_equal(heard(), expected, strlen(expected));
	long long told = strtoll(said + strlen(expected), NULL, 10);
	long long usec = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	assert_true(told <= usec && told > usec - 5000000);
}

static void test_without_systemd(void **state)
{
	(void)state;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	unsetenv("NOTIFY_SOCKET");
	sd_ready("running");
	assert_string_equal(heard(), "");
}

static void announce(long pid, const char *count)
{
	char text[32];
	snprintf(text, sizeof(text), "%ld", pid);
	/* NOLINTBEGIN(concurrency-mt-unsafe) */
	assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", count, 1), 0);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

/* For this process only, once, and gone from the environment. */
static void test_sockets(void **state)
{
	int first = 0;
	(void)state;
	assert_int_equal(sd_sockets(&first), 0);
	assert_int_equal(first, 3);
	announce(getpid(), "1");
	assert_int_equal(dup2(manager, 3), 3);
	assert_int_equal(sd_sockets(&first), 1);
	assert_null(getenv("LISTEN_FDS")); /* NOLINT(concurrency-mt-unsafe) */
	assert_null(getenv("LISTEN_PID")); /* NOLINT(concurrency-mt-unsafe) */
	assert_int_equal(sd_sockets(&first), 0);
	announce(getpid() + 1L, "1");
	assert_int_equal(sd_sockets(&first), 0);
	announce(getpid(), "many");
	assert_int_equal(sd_sockets(&first), 0);
	assert_null(getenv("LISTEN_FDS")); /* NOLINT(concurrency-mt-unsafe) */
	if (manager != 3)
		close(3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_reloading),
		cmocka_unit_test(test_without_systemd),
		cmocka_unit_test(test_sockets),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

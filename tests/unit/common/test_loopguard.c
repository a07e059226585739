/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/loopguard.h"
#include "tests/unit/support/run_loop.h"

#ifdef OAUTHRELAY_DEBUG
static const bool checked = true;
#else
static const bool checked = false;
#endif

/* Runs f in a child; true if it ended by SIGABRT and said text, false if it ended well. */
static bool aborts(void (*f)(void), const char *text)
{
	int out[2];
	char said[4096] = "";
	size_t n = 0;
	ssize_t r;
	int status;
	assert_int_equal(pipe(out), 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL); /* not the sanitizer's or cmocka's */
		dup2(out[1], STDERR_FILENO);
		f();
		_exit(0);
	}
	close(out[1]);
	while (n < sizeof(said) - 1 && (r = read(out[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)r;
	said[n] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	if (strstr(said, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, said);
	return true;
}

static void call_fsync(void)
{
	loopguard_enter();
	(void)fsync(STDERR_FILENO);
}

static void call_getaddrinfo(void)
{
	struct addrinfo *list;
	loopguard_enter();
	if (getaddrinfo("127.0.0.1", NULL, NULL, &list) == 0)
		freeaddrinfo(list);
}

static void call_openat(void)
{
	loopguard_enter();
	int fd = openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

static void call_readdir(void)
{
	DIR *dir = opendir("/");
	loopguard_enter();
	(void)readdir(dir);
}

static void call_pwrite(void)
{
	loopguard_enter();
	(void)!pwrite(STDERR_FILENO, "", 0, 0);
}

static void test_calls_on_the_loop(void **state)
{
	(void)state;
	assert_int_equal(aborts(call_fsync, "the loop's thread: fsync"), checked);
	assert_int_equal(aborts(call_getaddrinfo, "the loop's thread: getaddrinfo"), checked);
	assert_int_equal(aborts(call_openat, "the loop's thread: openat"), checked);
	assert_int_equal(aborts(call_readdir, "the loop's thread: readdir"), checked);
	assert_int_equal(aborts(call_pwrite, "the loop's thread: pwrite"), checked);
}

static void *sync_elsewhere(void *arg)
{
	(void)arg;
	(void)fsync(STDERR_FILENO);
	return NULL;
}

static void call_elsewhere(void)
{
	pthread_t thread;
	loopguard_enter();
	if (pthread_create(&thread, NULL, sync_elsewhere, NULL) == 0)
		pthread_join(thread, NULL);
	loopguard_leave();
	(void)fsync(STDERR_FILENO);
	DIR *dir = opendir("/");
	(void)readdir(dir);
	closedir(dir);
}

static void test_calls_elsewhere(void **state)
{
	(void)state;
	assert_false(aborts(call_elsewhere, ""));
}

static void hang(void)
{
	struct event_base *base = event_base_new();
	struct loopguard *guard = loopguard_watch(base, 500);
	struct timespec pause = { .tv_sec = 2 };
	run_loop_for(base, 300);
	nanosleep(&pause, NULL); /* the thing under test: a callback that does not return */
	loopguard_free(guard);
	event_base_free(base);
}

static void turn(void)
{
	struct event_base *base = event_base_new();
	struct loopguard *guard = loopguard_watch(base, 500);
	run_loop_for(base, 1200);
	loopguard_free(guard);
	event_base_free(base);
}

static void test_watchdog(void **state)
{
	(void)state;
	assert_int_equal(aborts(hang, "the loop has not turned"), checked);
	assert_false(aborts(turn, ""));
	loopguard_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_on_the_loop),
		cmocka_unit_test(test_calls_elsewhere),
		cmocka_unit_test(test_watchdog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

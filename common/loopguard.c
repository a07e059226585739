/* SPDX-License-Identifier: MIT */
#include "common/loopguard.h"

#include <stddef.h>

#ifndef OAUTHRELAY_DEBUG

void loopguard_enter(void)
{
}

void loopguard_leave(void)
{
}

struct loopguard *loopguard_watch(struct event_base *base, int limit_ms)
{
	(void)base;
	(void)limit_ms;
	return NULL;
}

void loopguard_free(struct loopguard *guard)
{
	(void)guard;
}

#else

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/mem.h"

static _Thread_local bool on_loop;

void loopguard_enter(void)
{
	on_loop = true;
}

void loopguard_leave(void)
{
	on_loop = false;
}

/* To stderr and not to the log, whose writer may be what hangs. */
NO_RETURN static void die(const char *what)
{
	fprintf(stderr, "oauthrelay: %s\n", what);
	abort();
}

static void check(const char *call)
{
	char text[96];
	if (!on_loop)
		return;
	snprintf(text, sizeof(text), "blocking call on the loop's thread: %s", call);
	die(text);
}

/* ---- the wrappers: weak, so that a unit test's own wrapper of the same call wins ---- */

int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_openat(int dir, const char *path, int flags, ...);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
DIR *__real_opendir(const char *path);
DIR *__real_fdopendir(int fd);
struct dirent *__real_readdir(DIR *dir);
int __real_ftruncate(int fd, off_t length);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t offset);
ssize_t __real_pread(int fd, void *p, size_t n, off_t offset);

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_fdopendir(int fd);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_ftruncate(int fd, off_t length);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t offset);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t offset);

WEAK int __wrap_fsync(int fd)
{
	check("fsync");
	return __real_fsync(fd);
}

WEAK int __wrap_fdatasync(int fd)
{
	check("fdatasync");
	return __real_fdatasync(fd);
}

WEAK int __wrap_unlinkat(int dir, const char *path, int flags)
{
	check("unlinkat");
	return __real_unlinkat(dir, path, flags);
}

WEAK int __wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	check("openat");
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		va_list ap;
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return __real_openat(dir, path, flags, mode);
}

WEAK int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	check("renameat");
	return __real_renameat(from_dir, from, to_dir, to);
}

WEAK int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
			    struct addrinfo **list)
{
	check("getaddrinfo");
	return __real_getaddrinfo(host, service, hints, list);
}

WEAK DIR *__wrap_opendir(const char *path)
{
	check("opendir");
	return __real_opendir(path);
}

WEAK DIR *__wrap_fdopendir(int fd)
{
	check("fdopendir");
	return __real_fdopendir(fd);
}

WEAK struct dirent *__wrap_readdir(DIR *dir)
{
	check("readdir");
	return __real_readdir(dir);
}

WEAK int __wrap_ftruncate(int fd, off_t length)
{
	check("ftruncate");
	return __real_ftruncate(fd, length);
}

WEAK ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t offset)
{
	check("pwrite");
	return __real_pwrite(fd, p, n, offset);
}

WEAK ssize_t __wrap_pread(int fd, void *p, size_t n, off_t offset)
{
	check("pread");
	return __real_pread(fd, p, n, offset);
}

/* ---- the watchdog ---- */

enum {
	BEAT_MS = 200,
	TICK_MS = 100
};

struct loopguard {
	struct event *beat;
	atomic_uint beats;
	int limit_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* under lock */
};

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct loopguard *guard = arg;
	(void)fd;
	(void)what;
	atomic_fetch_add(&guard->beats, 1);
}

/* Waits one tick; true when the watch is over. */
static bool tick(struct loopguard *guard)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	int result = 0;
	while (!guard->stop && result == 0)
		result = pthread_cond_timedwait(&guard->wake, &guard->lock, &until);
	return guard->stop;
}

/* Counts its own ticks and reads no clock: when the whole process was stopped (a debugger, a
 * suspended machine), the ticks stood still as well, and nobody is to blame. */
static void *watch(void *arg)
{
	struct loopguard *guard = arg;
	unsigned seen = atomic_load(&guard->beats);
	int silent_ms = 0;
	pthread_mutex_lock(&guard->lock);
	while (!tick(guard)) {
		unsigned beats = atomic_load(&guard->beats);
		silent_ms = beats == seen ? silent_ms + TICK_MS : 0;
		seen = beats;
		if (silent_ms > guard->limit_ms)
			die("the loop has not turned for too long");
	}
	pthread_mutex_unlock(&guard->lock);
	return NULL;
}

struct loopguard *loopguard_watch(struct event_base *base, int limit_ms)
{
	static const struct timeval period = { .tv_usec = BEAT_MS * 1000 };
	struct loopguard *guard = mem_zalloc(sizeof(*guard));
	pthread_condattr_t attr;
	sigset_t all, old;
	guard->limit_ms = limit_ms;
	guard->beat = event_new(base, -1, EV_PERSIST, on_beat, guard);
	event_add(guard->beat, &period);
	pthread_mutex_init(&guard->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&guard->wake, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&guard->thread, NULL, watch, guard) != 0)
		die("the watchdog's thread cannot be made");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return guard;
}

void loopguard_free(struct loopguard *guard)
{
	if (guard == NULL)
		return;
	pthread_mutex_lock(&guard->lock);
	guard->stop = true;
	pthread_cond_signal(&guard->wake);
	pthread_mutex_unlock(&guard->lock);
	pthread_join(guard->thread, NULL);
	event_free(guard->beat);
	pthread_cond_destroy(&guard->wake);
	pthread_mutex_destroy(&guard->lock);
	free(guard);
}

#endif

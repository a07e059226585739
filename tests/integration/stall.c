/* SPDX-License-Identifier: MIT */
/*
 * LD_PRELOAD for test_stall.py: while the file $STALL_FILE exists, fsync and fdatasync wait. The
 * first wait of each is announced by one octet on the FIFO $STALL_FIFO.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_while_stalled(void)
{
	const char *file = getenv("STALL_FILE");
	const char *fifo = getenv("STALL_FIFO");
	struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	if (!file || !fifo || access(file, F_OK) != 0)
		return;
	int out = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (out >= 0) {
		if (write(out, "x", 1) != 1)
			abort();
		close(out);
	}
	while (access(file, F_OK) == 0)
		nanosleep(&pause, NULL);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	wait_while_stalled();
	return real(fd);
}

int fdatasync(int fildes)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	wait_while_stalled();
	return real(fildes);
}

/* SPDX-License-Identifier: MIT */
#include "spool/room.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/units.h"
#include "common/worker.h"
#include "spool/store.h"

enum {
	MAX_AGE_MS = 1000
};

struct measure {
	uint64_t bytes;	 /* above the reserve */
	uint64_t inodes; /* above the reserve; UINT64_MAX where there is no such limit */
	int error;
};

struct room {
	struct store *store;
	uint64_t min_free;
	struct measure now;
	uint64_t spent; /* since the job was started */
	int64_t at_ms;
	struct event *again;
	struct job job;
	struct measure next; /* the job's */
	bool busy;
};

static uint64_t above(uint64_t have, uint64_t reserve)
{
	return have > reserve ? have - reserve : 0;
}

static struct measure measure(int fd, uint64_t min_free)
{
	struct statvfs fs;
	if (fstatvfs(fd, &fs) != 0)
		return (struct measure){ .error = errno };
	struct measure m = { .bytes = above((uint64_t)fs.f_bavail * fs.f_frsize, min_free) };
	/* btrfs and others make inodes as they go and say 0 of 0. */
	m.inodes = fs.f_files != 0 ? above(fs.f_favail, ROOM_INODE_RESERVE) : UINT64_MAX;
	return m;
}

static bool is_full(const struct room *room)
{
	return room->now.bytes == 0 || room->now.inodes == 0;
}

static struct room *of_job(struct job *job)
{
	return (void *)((char *)job - offsetof(struct room, job));
}

static void run(struct job *job)
{
	struct room *room = of_job(job);
	room->next = measure(room->store->queue_fd, room->min_free);
}

static void again_in_a_second(struct room *room)
{
	static const struct timeval second = { .tv_sec = 1 };
	if (!room->store->closing)
		event_add(room->again, &second);
}

static void done(struct job *job)
{
	struct room *room = of_job(job);
	room->busy = false;
	room->now = room->next;
	/* What was written meanwhile may or may not be in the figure: assume it is not. */
	room->now.bytes = above(room->now.bytes, room->spent);
	room->at_ms = clock_mono_ms();
	if (is_full(room))
		again_in_a_second(room);
	store_release(room->store);
}

static void start(struct room *room)
{
	if (room->busy || room->store->closing)
		return;
	room->job = (struct job){ .run = run, .done = done };
	if (!worker_try_submit(room->store->worker, LANE_DISK, &room->job)) {
		again_in_a_second(room);
		return;
	}
	room->spent = 0;
	room->busy = true;
	store_hold(room->store);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

static void refresh(struct room *room)
{
	if (clock_mono_ms() - room->at_ms >= MAX_AGE_MS)
		start(room);
}

struct room *room_new(struct store *store, uint64_t min_free, struct err *err)
{
	struct measure now = measure(store->queue_fd, min_free);
	if (now.error != 0) {
		err_errno(err, now.error, "%s", store->path);
		return NULL;
	}
	struct room *room = mem_zalloc(sizeof(*room));
	room->store = store;
	room->min_free = min_free;
	room->now = now;
	room->at_ms = clock_mono_ms();
	room->again = evtimer_new(store->base, on_again, room);
	return room;
}

void room_free(struct room *room)
{
	if (room == NULL)
		return;
	event_free(room->again);
	free(room);
}

uint64_t room_bytes(struct room *room)
{
	refresh(room);
	return room->now.inodes != 0 ? room->now.bytes : 0;
}

bool room_check(struct room *room, struct err *err)
{
	struct strbuf reserve;
	refresh(room);
	if (!is_full(room))
		return true;
	if (room->now.error != 0)
		return err_errno(err, room->now.error, "%s", room->store->path);
	if (room->now.bytes != 0) {
		err_set(err, STORE_FULL ": %s has fewer than %d inodes free", room->store->path,
			ROOM_INODE_RESERVE);
		err->code = ENOSPC;
		return false;
	}
	strbuf_init(&reserve, 64);
	units_append_size(&reserve, room->min_free);
	err_set(err, STORE_FULL ": %s has less than the reserve of %s free", room->store->path,
		strbuf_cstr(&reserve));
	err->code = ENOSPC;
	strbuf_done(&reserve);
	return false;
}

void room_spend(struct room *room, uint64_t bytes)
{
	room->spent += bytes;
	room->now.bytes = above(room->now.bytes, bytes);
}

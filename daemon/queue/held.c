/* SPDX-License-Identifier: MIT */
#include "queue/held.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"

enum {
	RELEASE_BATCH = 16, /* records under way: the disk lane has 4096 slots and 4 threads */
	REMIND_MS = 60 * 60 * 1000,
};

/* Gone as soon as nothing of it is held and nothing under way. */
struct held_device {
	TAILQ_ENTRY(held_device) link;
	char *name;
	struct queued_list messages;
	size_t count;	   /* of messages */
	size_t to_release; /* of the first messages */
	size_t recording;
	size_t released; /* in this release */
	int64_t told_ms; /* monotonic; 0: not yet */
};

struct held {
	TAILQ_HEAD(held_device_list, held_device) devices;
	const struct config *config;
	struct event *release_timer; /* by a timer, so that the sockets have their turn */
	struct event *remind_timer;
	held_free_cb *release;
	void *arg;
};

static struct held_device *find(const struct held *held, struct str name)
{
	struct held_device *device = NULL;
	TAILQ_FOREACH (device, &held->devices, link) {
		if (str_eq(str_of(device->name), name))
			return device;
	}
	return NULL;
}

static struct held_device *find_or_make(struct held *held, const char *name)
{
	struct held_device *device = find(held, str_of(name));
	if (device != NULL)
		return device;
	device = mem_zalloc(sizeof(*device));
	device->name = mem_strdup(name);
	TAILQ_INIT(&device->messages);
	TAILQ_INSERT_TAIL(&held->devices, device, link);
	return device;
}

static void remove_device(struct held *held, struct held_device *device)
{
	TAILQ_REMOVE(&held->devices, device, link);
	free(device->name);
	free(device);
}

/* --- warnings ------------------------------------------------------------------------------ */

static void log_held(const struct held *held, const struct held_device *device)
{
	const struct device_config *row = config_device_named(held->config, str_of(device->name));
	struct strbuf rate, remedy;
	strbuf_init(&rate, 64);
	strbuf_init(&remedy, 512);
	if (row != NULL)
		units_append_rate(&rate, row->hold_above);
	strbuf_addf(&remedy, "oauthrelay device release %s", device->name);
	log_warning("device-held", lf_str("device", device->name),
		    lf_slice("rate", rate.n != 0 ? strbuf_str(&rate) : STR("-")),
		    lf_int("held", (int64_t)device->count),
		    lf_slice("remedy", strbuf_str(&remedy)));
	strbuf_done(&rate);
	strbuf_done(&remedy);
}

void held_tell(struct held *held)
{
	struct held_device *device = NULL;
	int64_t now = clock_mono_ms();
	TAILQ_FOREACH (device, &held->devices, link) {
		bool all_going = device->to_release == device->count;
		if (all_going || (device->told_ms != 0 && now - device->told_ms < REMIND_MS))
			continue;
		device->told_ms = now;
		log_held(held, device);
		if (!event_pending(held->remind_timer, EV_TIMEOUT, NULL))
			timer_start(held->remind_timer, REMIND_MS);
	}
}

static void on_remind(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	held_tell(arg);
}

/* --- release ------------------------------------------------------------------------------- */

static void release_some(struct held *held, struct held_device *device)
{
	while (device->to_release != 0 && device->recording < RELEASE_BATCH) {
		struct queued *m = TAILQ_FIRST(&device->messages);
		TAILQ_REMOVE(&device->messages, m, ready);
		m->hold = QUEUED_RELEASING;
		device->count--;
		device->to_release--;
		device->recording++;
		held->release(held->arg, m);
	}
}

static void on_release(evutil_socket_t fd, short what, void *arg)
{
	struct held *held = arg;
	struct held_device *device = NULL;
	(void)fd;
	(void)what;
	TAILQ_FOREACH (device, &held->devices, link) {
		release_some(held, device);
	}
}

static void end_release(struct held *held, struct held_device *device)
{
	log_info("device-released", lf_str("device", device->name),
		 lf_int("released", (int64_t)device->released),
		 lf_int("held", (int64_t)device->count));
	device->released = 0;
	if (device->count == 0)
		remove_device(held, device);
}

void held_recorded(struct held *held, struct queued *m)
{
	struct held_device *device = NULL;
	if (m->hold == QUEUED_RELEASING)
		device = find(held, str_of(m->device));
	if (device == NULL)
		return;
	m->hold = QUEUED_FREE;
	device->recording--;
	device->released++;
	if (device->to_release != 0)
		timer_start(held->release_timer, 0);
	else if (device->recording == 0)
		end_release(held, device);
}

size_t held_release(struct held *held, struct str name)
{
	struct held_device *device = find(held, name);
	if (device == NULL || device->count == 0)
		return 0;
	device->to_release = device->count;
	device->told_ms = 0; /* what is held from now on is news */
	timer_start(held->release_timer, 0);
	return device->count;
}

/* --- what is held -------------------------------------------------------------------------- */

void held_add(struct held *held, struct queued *m)
{
	if (m->hold != QUEUED_HELD)
		return;
	struct held_device *device = find_or_make(held, m->device);
	TAILQ_INSERT_TAIL(&device->messages, m, ready);
	device->count++;
}

void held_remove(struct held *held, struct queued *m)
{
	struct held_device *device = NULL;
	if (m->hold == QUEUED_HELD)
		device = find(held, str_of(m->device));
	if (device == NULL)
		return;
	TAILQ_REMOVE(&device->messages, m, ready);
	device->count--;
	/* Which of them it was is not known; too few is better than one that came later. */
	if (device->to_release > device->count)
		device->to_release = device->count;
	if (device->count == 0 && device->recording == 0)
		remove_device(held, device);
}

size_t held_count(const struct held *held, struct str name)
{
	const struct held_device *device = find(held, name);
	return device != NULL ? device->count : 0;
}

bool held_device(const struct held *held, size_t index, const char **name, size_t *messages)
{
	const struct held_device *device = NULL;
	TAILQ_FOREACH (device, &held->devices, link) {
		if (device->count == 0 || index-- != 0)
			continue;
		*name = device->name;
		*messages = device->count;
		return true;
	}
	return false;
}

/* --- life ---------------------------------------------------------------------------------- */

struct held *held_new(struct event_base *base, held_free_cb *release, void *arg)
{
	struct held *held = mem_zalloc(sizeof(*held));
	TAILQ_INIT(&held->devices);
	held->release_timer = evtimer_new(base, on_release, held);
	held->remind_timer = evtimer_new(base, on_remind, held);
	held->release = release;
	held->arg = arg;
	return held;
}

void held_configure(struct held *held, const struct config *config)
{
	held->config = config;
}

void held_stop(struct held *held)
{
	struct held_device *device = NULL;
	timer_stop(held->release_timer);
	timer_stop(held->remind_timer);
	TAILQ_FOREACH (device, &held->devices, link) {
		if (device->to_release == 0)
			continue;
		log_warning("device-release-interrupted", lf_str("device", device->name),
			    lf_int("held", (int64_t)device->count),
			    lf_str("remedy", "release it again after the start"));
		device->to_release = 0;
	}
}

void held_free(struct held *held)
{
	struct held_device *next = NULL;
	if (held == NULL)
		return;
	for (struct held_device *d = TAILQ_FIRST(&held->devices); d != NULL; d = next) {
		next = TAILQ_NEXT(d, link);
		remove_device(held, d);
	}
	event_free(held->release_timer);
	event_free(held->remind_timer);
	free(held);
}

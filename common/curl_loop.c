/* SPDX-License-Identifier: MIT */
#include "common/curl_loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/mem.h"
#include "common/timer.h"
#include "common/wiped_memory.h"

/* One of curl's sockets, while curl wants to hear of it. */
struct watched {
	LIST_ENTRY(watched) link;
	struct event *event;
};

LIST_HEAD(watched_list, watched);

struct curl_loop {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;	/* curl's own */
	struct event *finished; /* there may be results to tell */
	struct watched_list sockets;
	unsigned untold; /* transfers started whose result has not been told */
};

/* Hangs on the easy handle by CURLOPT_PRIVATE. */
struct transfer {
	curl_loop_cb *cb;
	void *arg;
	bool told;
};

/* curl refuses calls only when memory is short or we are wrong: both end here (common/mem.h). */
static void must(CURLMcode code)
{
	if (code != CURLM_OK)
		abort();
}

/* Results are told from an event of their own and not from here, because here curl's callers are
 * still on the stack. */
static void act(struct curl_loop *loop, curl_socket_t fd, int what)
{
	int running = 0;
	must(curl_multi_socket_action(loop->multi, fd, what, &running));
	if ((unsigned)running < loop->untold)
		event_active(loop->finished, EV_TIMEOUT, 0);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	int flags = 0;
	if ((what & EV_READ) != 0)
		flags |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		flags |= CURL_CSELECT_OUT;
	act(arg, fd, flags);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Tells one result and comes again for the next, so that nothing follows the callback here. */
static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct curl_loop *loop = arg;
	struct transfer *transfer = NULL;
	int left = 0;
	(void)fd;
	(void)what;
	const CURLMsg *message = curl_multi_info_read(loop->multi, &left);
	if (message == NULL)
		return;
	if (left > 0)
		event_active(loop->finished, EV_TIMEOUT, 0);
	CURLcode result = message->data.result;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
	transfer->told = true;
	loop->untold--;
	transfer->cb(transfer->arg, result);
}

/* ---- what curl tells us ---- */

static void forget(struct watched *watched)
{
	LIST_REMOVE(watched, link);
	event_free(watched->event);
	free(watched);
}

static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct curl_loop *loop = arg;
	struct watched *watched = socket_arg;
	short flags = EV_PERSIST;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watched != NULL)
			forget(watched);
		curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		flags |= EV_READ;
	if ((what & CURL_POLL_OUT) != 0)
		flags |= EV_WRITE;
	if (watched == NULL) {
		watched = mem_zalloc(sizeof(*watched));
		LIST_INSERT_HEAD(&loop->sockets, watched, link);
		curl_multi_assign(loop->multi, fd, watched);
	} else {
		event_free(watched->event);
	}
	watched->event = event_new(loop->base, fd, flags, on_socket, loop);
	event_add(watched->event, NULL);
	return 0;
}

static int timer_changed(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_loop *loop = arg;
	(void)multi;
	if (timeout_ms < 0) {
		timer_stop(loop->timer);
		return 0;
	}
	/* Also when it is 0: curl must not be called from inside its callback. */
	timer_start(loop->timer, timeout_ms);
	return 0;
}

/* As curl's own, but the descriptor does not reach programs we might start. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the interface ---- */

static void init_libcurl(void)
{
	/* Otherwise libcurl would write every connection's keys into the file this names. At start,
	 * or in a test, when no other thread looks at the environment. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_memory_alloc, wiped_memory_free,
				 wiped_memory_realloc, wiped_memory_strdup,
				 wiped_memory_zalloc) != CURLE_OK)
		abort();
}

struct curl_loop *curl_loop_new(struct event_base *base)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct curl_loop *loop = mem_zalloc(sizeof(*loop));
	pthread_once(&once, init_libcurl);
	loop->base = base;
	loop->multi = curl_multi_init();
	if (loop->multi == NULL)
		abort();
	LIST_INIT(&loop->sockets);
	loop->timer = event_new(base, -1, 0, on_timer, loop);
	loop->finished = event_new(base, -1, 0, on_finished, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return loop;
}

void curl_loop_free(struct curl_loop *loop)
{
	struct watched *watched, *next;
	if (loop == NULL)
		return;
	curl_multi_cleanup(loop->multi);
	for (watched = LIST_FIRST(&loop->sockets); watched != NULL; watched = next) {
		next = LIST_NEXT(watched, link);
		forget(watched);
	}
	event_free(loop->timer);
	event_free(loop->finished);
	free(loop);
}

CURL *curl_loop_handle(void)
{
	CURL *easy = curl_easy_init();
	if (easy == NULL)
		abort();
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Not NULL: that would mean http_proxy and its kin in the environment. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	/* Whom a connection was made for, and how well it was checked, then never matters. */
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, 200L);
	/* Should a name reach curl's own resolver after all, its thread is not waited for. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	return easy;
}

void curl_loop_start(struct curl_loop *loop, CURL *easy, curl_loop_cb *cb, void *arg)
{
	struct transfer *transfer = mem_zalloc(sizeof(*transfer));
	transfer->cb = cb;
	transfer->arg = arg;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	loop->untold++;
	must(curl_multi_add_handle(loop->multi, easy));
}

void curl_loop_stop(struct curl_loop *loop, CURL *easy)
{
	struct transfer *transfer = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	curl_multi_remove_handle(loop->multi, easy);
	curl_easy_cleanup(easy);
	if (!transfer->told)
		loop->untold--;
	free(transfer);
}

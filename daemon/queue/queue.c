/* SPDX-License-Identifier: MIT */
#include "queue/queue.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/timer.h"
#include "queue/internal.h"
#include "queue/outcome.h"
#include "queue/route.h"
#include "queue/settle.h"

/* --- places -------------------------------------------------------------------------------- */

static void arm_due_timer(struct queue *q)
{
	struct queued *first = due_first(&q->due);
	if (first == NULL) {
		timer_stop(q->due_timer);
		return;
	}
	timer_start(q->due_timer, first->due_ms - clock_mono_ms());
}

static void leave(struct queue *q, struct queued *m)
{
	switch ((enum place)m->place) {
	case PLACE_DUE:
		due_remove(&q->due, m);
		break;
	case PLACE_READY:
		account_list_remove(m->account, m);
		break;
	case PLACE_ACTIVE:
		q->active--;
		held_recorded(q->held, m);
		break;
	case PLACE_PARKED:
		held_remove(q->held, m);
		break;
	case PLACE_NONE:
		break;
	}
}

void queue_place(struct queue *q, struct queued *m, enum place place)
{
	leave(q, m);
	m->place = (uint8_t)place;
	switch (place) {
	case PLACE_DUE:
		due_add(&q->due, m);
		if (due_first(&q->due) == m)
			arm_due_timer(q);
		break;
	case PLACE_READY:
		account_list_add(m->account, m, m->again);
		account_wake(m->account);
		break;
	case PLACE_ACTIVE:
		q->active++;
		break;
	case PLACE_PARKED:
		held_add(q->held, m);
		break;
	case PLACE_NONE:
		break;
	}
}

struct account *queue_find_account(const struct queue *q, const char *name)
{
	for (size_t i = 0; i < q->account_count; i++)
		if (strcmp(account_name(q->accounts[i]), name) == 0)
			return q->accounts[i];
	return NULL;
}

void queue_make_ready(struct queue *q, struct queued *m)
{
	const struct user *user = m->user != NULL ? users_find(q->users, str_of(m->user)) : NULL;
	const struct account_config *ac = route_account(q->config, m->device, user);
	if (m->unrecorded) {
		settle_record_again(q, m);
		return;
	}
	if (ac == NULL) {
		/* Said once, however long it waits. */
		if (m->place != PLACE_DUE || m->account != NULL)
			log_error("no-route", lf_str("msg", msgid_text(&m->id).hex),
				  lf_str("device", m->device != NULL ? m->device : "-"),
				  lf_str("remedy", "give the device, or the user, an account"));
		m->due_ms = clock_mono_ms() + NO_ROUTE_RETRY_MS;
		queue_place(q, m, PLACE_DUE);
		m->account = NULL;
		return;
	}
	/* What was held and is free now has had no turn yet. */
	m->again = m->place == PLACE_ACTIVE && m->hold == QUEUED_FREE;
	leave(q, m);
	m->place = PLACE_NONE;
	m->account = queue_find_account(q, ac->name);
	queue_place(q, m, PLACE_READY);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct queue *q = arg;
	int64_t now = clock_mono_ms();
	struct queued *m;
	(void)fd;
	(void)what;
	/* A bounded number at a time: ten thousand that are due together must not stop the loop. */
	for (int i = 0; i < DUE_BATCH; i++) {
		m = due_first(&q->due);
		if (m == NULL || m->due_ms > now)
			break;
		queue_make_ready(q, m);
	}
	arm_due_timer(q);
}

/* --- coming in ----------------------------------------------------------------------------- */

static void insert(struct queue *q, struct queued *m)
{
	TAILQ_INSERT_TAIL(&q->all, m, all);
	q->recipients += m->recipient_count;
	idmap_put(q->by_id, m);
}

void queue_drop(struct queue *q, struct queued *m)
{
	queue_place(q, m, PLACE_NONE);
	TAILQ_REMOVE(&q->all, m, all);
	q->recipients -= m->recipient_count;
	idmap_remove(q->by_id, &m->id);
	queued_free(m);
}

void queue_add(struct queue *q, const struct spool_info *info, const struct envelope *envelope)
{
	size_t uncertain;
	struct queued *m = queued_new(info, envelope, NULL, 0, false, &uncertain);
	insert(q, m);
	if (m->hold == QUEUED_FREE) {
		queue_make_ready(q, m);
		return;
	}
	queue_place(q, m, PLACE_PARKED);
	log_info("held", lf_str("msg", msgid_text(&m->id).hex), lf_str("device", m->device),
		 lf_str("reason", "the device is above its rate"));
	held_tell(q->held);
}

static void on_found(void *arg, const struct spool_info *info, const struct envelope *envelope,
		     const struct progress *progress, size_t progress_count)
{
	struct queue *q = arg;
	size_t uncertain;
	bool hold = q->config->queue.on_uncertain == UNCERTAIN_HOLD;
	if (idmap_get(q->by_id, &info->id) != NULL)
		return;
	struct queued *m = queued_new(info, envelope, progress, progress_count, hold, &uncertain);
	/* What the file says of them is still what it said before: in flight. */
	for (uint32_t i = 0; uncertain != 0 && i < m->recipient_count; i++)
		if (m->recipients[i].recorded == PROGRESS_INFLIGHT)
			settle_log_uncertain(m, &m->recipients[i],
					     "the relay ended while the message was on its way");
	insert(q, m);
	if (queued_count(m, PROGRESS_PENDING) == 0) {
		/* What is held now must not be news again at each start. */
		if (uncertain != 0)
			settle_record_again(q, m);
		else
			queue_place(q, m, PLACE_PARKED);
		return;
	}
	/* The record has wall clock time, which may have been set since: never wait longer than the
	 * configuration would. */
	int64_t wait = m->due_ms != 0 ? m->due_ms - clock_wall_ms() : 0;
	if (wait > q->config->queue.retry_max)
		wait = q->config->queue.retry_max;
	if (wait <= 0) {
		queue_make_ready(q, m);
		return;
	}
	m->due_ms = clock_mono_ms() + wait;
	queue_place(q, m, PLACE_DUE);
}

static void on_corrupt(void *arg, const char *file, const char *moved_to, const char *reason)
{
	(void)arg;
	log_error("spool-corrupt", lf_str("file", file), lf_str("reason", reason),
		  lf_str("moved_to", moved_to != NULL ? moved_to : "-"));
}

static void on_scan_done(void *arg, const struct spool_scan_result *result, const struct err *err)
{
	struct queue *q = arg;
	if (err != NULL) {
		log_error("recovery-failed", lf_str("error", err->text),
			  lf_str("remedy", "mend the disk: what was not found waits there and is "
					   "looked for again every minute"));
		timer_start(q->rescan_timer, RESCAN_MS);
	}
	log_info("recovered", lf_int("messages", (int64_t)result->messages),
		 lf_int("drafts_removed", (int64_t)result->drafts_removed),
		 lf_int("corrupt", (int64_t)result->corrupt),
		 lf_int("took_ms", clock_mono_ms() - q->recovery_started_ms));
	held_tell(q->held);
	if (q->recovered != NULL) {
		void (*recovered)(void *) = q->recovered;
		q->recovered = NULL;
		recovered(q->recovered_arg);
	}
}

static void scan(struct queue *q)
{
	q->recovery_started_ms = clock_mono_ms();
	q->spool->ops->scan(q->spool, on_found, on_corrupt, on_scan_done, q);
}

static void on_rescan(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	scan(arg);
}

void queue_recover(struct queue *q, void (*done)(void *arg), void *arg)
{
	q->recovered = done;
	q->recovered_arg = arg;
	scan(q);
}

/* --- held, and free again ------------------------------------------------------------------ */

static void on_release(void *arg, struct queued *m)
{
	for (uint32_t i = 0; i < m->recipient_count; i++)
		m->recipients[i].state = PROGRESS_PENDING;
	m->free_ms = clock_wall_ms();
	settle_record_again(arg, m);
}

size_t queue_release(struct queue *q, struct str device)
{
	return held_release(q->held, device);
}

/* --- accounts ------------------------------------------------------------------------------ */

static struct queued *on_take(void *arg, struct account *account)
{
	struct queued *m = account_list_first(account);
	queue_place(arg, m, PLACE_ACTIVE);
	return m;
}

static void on_attempted(void *arg, struct account *account, struct queued *m,
			 const struct delivery_result *result)
{
	struct queue *q = arg;
	const struct outcome_policy policy = {
		.queue = &q->config->queue,
		.now_ms = clock_wall_ms(),
		.account_since_ms = account_since_ms(account),
	};
	struct outcome outcome;
	outcome_decide(m, result, &policy, &outcome);
	if (outcome.account_rule != NULL)
		account_apply(account, outcome.account_rule, outcome.account_reply);
	settle(q, m, account, result, &outcome);
	outcome_done(&outcome);
}

static struct account *make_account(struct queue *q, const char *name)
{
	const struct account_env env = {
		.base = q->params.base,
		.worker = q->params.worker,
		.spool = q->spool,
		.http = q->params.http,
		.dialer = q->params.dialer,
		.state = q->params.state,
		.seal = q->params.seal,
		.unsealed = q->params.unsealed,
		.attempted = on_attempted,
		.take = on_take,
		.arg = q,
	};
	return account_new(&env, name);
}

/* Accounts keep their state over a reload by their name. One that is gone from the configuration
 * ends what it has under way, and is freed with the queue. */
static void configure_accounts(struct queue *q, struct queue_files *files)
{
	for (size_t i = 0; i < q->config->account_count; i++) {
		const struct account_config *ac = &q->config->accounts[i];
		struct account *account = queue_find_account(q, ac->name);
		if (account == NULL) {
			account = make_account(q, ac->name);
			q->accounts = mem_realloc_array(q->accounts, q->account_count + 1,
							sizeof(struct account *));
			q->accounts[q->account_count++] = account;
		}
		account_configure(account, q->config, ac, files->tls[i]);
	}
	for (size_t i = 0; i < q->account_count; i++)
		if (config_account(q->config, account_name(q->accounts[i])) == NULL)
			account_stop(q->accounts[i]);
}

/* Moving a device moves its waiting mail; what waited for an administrator is tried now. */
static void route_anew(struct queue *q)
{
	for (struct queued *m = TAILQ_FIRST(&q->all); m != NULL; m = TAILQ_NEXT(m, all)) {
		if (m->place == PLACE_READY || m->place == PLACE_DUE)
			queue_make_ready(q, m);
		m->anew = m->place == PLACE_ACTIVE;
	}
	arm_due_timer(q);
}

static void take_users(struct queue *q, struct users *users)
{
	struct users *old = q->users;
	q->users = users_ref(users);
	users_unref(old);
}

void queue_set_users(struct queue *q, struct users *users)
{
	take_users(q, users);
	route_anew(q);
}

void queue_configure(struct queue *q, struct config *config, struct queue_files *files,
		     struct users *users)
{
	struct config *old = q->config;
	q->config = config_ref(config);
	held_configure(q->held, config);
	take_users(q, users);
	configure_accounts(q, files);
	route_anew(q);
	queue_files_free(files);
	config_unref(old);
}

/* --- life ---------------------------------------------------------------------------------- */

struct queue *queue_new(const struct queue_params *params)
{
	struct queue *q = mem_zalloc(sizeof(*q));
	q->params = *params;
	q->spool = params->spool;
	q->by_id = idmap_new(offsetof(struct queued, id));
	q->due_timer = evtimer_new(params->base, on_due, q);
	q->rescan_timer = evtimer_new(params->base, on_rescan, q);
	q->held = held_new(params->base, on_release, q);
	TAILQ_INIT(&q->all);
	return q;
}

void queue_free(struct queue *q)
{
	struct queued *m;
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->account_count; i++)
		account_free(q->accounts[i]);
	free(q->accounts);
	while ((m = TAILQ_FIRST(&q->all)) != NULL) {
		TAILQ_REMOVE(&q->all, m, all);
		queued_free(m);
	}
	held_free(q->held);
	due_done(&q->due);
	idmap_free(q->by_id);
	event_free(q->due_timer);
	event_free(q->rescan_timer);
	users_unref(q->users);
	config_unref(q->config);
	free(q);
}

void queue_note_idle(struct queue *q)
{
	if (q->stopped != NULL && q->active == 0) {
		void (*stopped)(void *) = q->stopped;
		q->stopped = NULL;
		stopped(q->stopped_arg);
	}
}

/* What could not be written would be forgotten, and the mail sent twice. */
static void record_a_last_time(struct queue *q)
{
	for (struct queued *m = TAILQ_FIRST(&q->all); m != NULL; m = TAILQ_NEXT(m, all))
		if (m->unrecorded && m->place == PLACE_DUE)
			settle_record_again(q, m);
}

void queue_stop(struct queue *q, void (*done)(void *arg), void *arg)
{
	for (size_t i = 0; i < q->account_count; i++)
		account_stop(q->accounts[i]);
	timer_stop(q->due_timer);
	timer_stop(q->rescan_timer);
	held_stop(q->held);
	record_a_last_time(q);
	q->stopped = done;
	q->stopped_arg = arg;
	queue_note_idle(q);
}

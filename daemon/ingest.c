/* SPDX-License-Identifier: MIT */
#include "ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/floodgate.h"
#include "common/log.h"
#include "common/mem.h"
#include "queue/queue.h"
#include "queue/route.h"
#include "spool/spool.h"

enum {
	LOG_INTERVAL_MS = 10 * 1000,
};

/* Why nothing can be taken: each is told once in an interval, however many clients try. */
enum cause {
	CAUSE_FULL,
	CAUSE_BUSY,
	CAUSE_COMMIT,
	CAUSES,
};

struct ingest {
	struct spool *spool;
	struct queue *queue;
	struct floodgate gates[CAUSES];
};

/* Is this one to be told? Then *more is how many were not, since the last. */
static bool may_tell(struct ingest *ingest, enum cause cause, int64_t *more)
{
	struct floodgate *gate = &ingest->gates[cause];
	if (!floodgate_pass(gate, clock_mono_ms(), 1, LOG_INTERVAL_MS))
		return false;
	*more = (int64_t)floodgate_take(gate);
	return true;
}

struct inbound_message {
	struct ingest *ingest;
	struct spool_draft *draft;
	struct envelope envelope;
	int64_t finished_ms;	 /* when the final dot had come; 0: not yet */
	inbound_accepted_cb *cb; /* NULL: the client has gone */
	void *arg;
};

static void refuse(struct inbound_refusal *why, unsigned code, const char *text)
{
	why->code = code;
	snprintf(why->text, sizeof(why->text), "%s", text);
}

static bool has_account(void *ctx, const struct config *config, const char *device,
			const struct user *login, struct inbound_refusal *why)
{
	(void)ctx;
	if (route_account(config, device, login) != NULL)
		return true;
	/* RFC 3463 X.3.5: system incorrectly configured */
	refuse(why, 451,
	       login != NULL ? "4.3.5 No account is configured for this user"
			     : "4.3.5 No account is configured for this device");
	return false;
}

static uint64_t size_limit(void *ctx, const struct config *config, const char *device,
			   const struct user *login, const char **whose)
{
	const struct account_config *account = route_account(config, device, login);
	uint64_t limit = config->limits.message_size;
	(void)ctx;
	*whose = NULL;
	if (account == NULL || account->limits.message_size >= limit)
		return limit;
	*whose = account->name;
	return account->limits.message_size;
}

static struct inbound_message *begin(void *ctx, const struct config *config,
				     const struct user *login, struct envelope *envelope,
				     struct inbound_refusal *why)
{
	struct ingest *ingest = ctx;
	struct err err;
	bool full = false;
	if (!has_account(ingest, config, envelope->device, login, why))
		return NULL;
	struct spool_draft *draft = ingest->spool->ops->draft(ingest->spool, envelope, &full, &err);
	if (draft == NULL) {
		int64_t more;
		if (err.code == EMSGSIZE) { /* no other time will be better */
			refuse(why, 552, "5.3.4 Too many recipients for one message");
			return NULL;
		}
		if (may_tell(ingest, full ? CAUSE_FULL : CAUSE_BUSY, &more))
			log_warning("intake-stopped", lf_str("reason", err.text),
				    lf_int("more", more));
		if (full)
			refuse(why, 452, "4.3.1 The relay's disk is full, try again later");
		else
			refuse(why, 451, "4.3.1 The relay is busy, try again later");
		return NULL;
	}
	struct inbound_message *message = mem_zalloc(sizeof(*message));
	message->ingest = ingest;
	message->draft = draft;
	envelope_copy(&message->envelope, envelope);
	return message;
}

static bool write_content(struct inbound_message *message, struct str bytes)
{
	return message->ingest->spool->ops->write(message->draft, bytes);
}

static void on_resume(struct inbound_message *message, void (*resume)(void *arg), void *arg)
{
	message->ingest->spool->ops->on_resume(message->draft, resume, arg);
}

static void destroy(struct inbound_message *message)
{
	envelope_done(&message->envelope);
	free(message);
}

static void on_commit_failed(const struct inbound_message *message, const struct err *err)
{
	struct inbound_refusal why;
	bool full = err->code == ENOSPC || err->code == EDQUOT;
	int64_t more;
	if (may_tell(message->ingest, CAUSE_COMMIT, &more))
		log_error("commit-failed", lf_str("msg", msgid_text(&message->envelope.id).hex),
			  lf_str("error", err->text), lf_int("more", more),
			  lf_str("remedy", full ? "make room on the queue's file system"
						: "check the disk: see dmesg"));
	if (full)
		refuse(&why, 452, "4.3.1 The relay's disk is full, try again later");
	else
		refuse(&why, 451, "4.3.0 The relay could not store the message, try again later");
	if (message->cb != NULL)
		message->cb(message->arg, &message->envelope.id, 0, &why);
}

static void on_committed(void *arg, const struct spool_info *info, const struct err *err)
{
	struct inbound_message *message = arg;
	if (err != NULL) {
		on_commit_failed(message, err);
		destroy(message);
		return;
	}
	/* In the queue first: from the 250 on nothing may be able to forget it. */
	queue_add(message->ingest->queue, info, &message->envelope);
	if (message->cb != NULL)
		message->cb(message->arg, &info->id, clock_mono_ms() - message->finished_ms, NULL);
	destroy(message);
}

static void finish(struct inbound_message *message, const struct body_stats *stats,
		   inbound_accepted_cb *cb, void *arg)
{
	message->cb = cb;
	message->arg = arg;
	message->finished_ms = clock_mono_ms();
	message->ingest->spool->ops->commit(message->draft, stats, on_committed, message);
}

static void abandon(struct inbound_message *message)
{
	if (message->finished_ms != 0) {
		message->cb = NULL;
		return;
	}
	message->ingest->spool->ops->discard(message->draft);
	destroy(message);
}

struct ingest *ingest_new(struct spool *spool, struct queue *queue)
{
	struct ingest *ingest = mem_zalloc(sizeof(*ingest));
	ingest->spool = spool;
	ingest->queue = queue;
	return ingest;
}

void ingest_free(struct ingest *ingest)
{
	free(ingest);
}

struct inbound_ops ingest_ops(struct ingest *ingest)
{
	return (struct inbound_ops){
		.has_account = has_account,
		.size_limit = size_limit,
		.begin = begin,
		.write = write_content,
		.on_resume = on_resume,
		.finish = finish,
		.abandon = abandon,
		.ctx = ingest,
	};
}

/* SPDX-License-Identifier: MIT */
#include "spool/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"
#include "spool/store.h"

static void apply(const struct stored *stored, enum progress_state *states,
		  const struct progress *record)
{
	if (record->recipient != PROGRESS_MESSAGE) {
		enum progress_state *state = &states[record->recipient];
		if (*state != PROGRESS_SENT) /* for good, whatever follows */
			*state = record->state;
		return;
	}
	for (uint32_t i = 0; i < stored->end.recipients; i++)
		if (states[i] == PROGRESS_PENDING || states[i] == PROGRESS_INFLIGHT)
			states[i] = record->state;
}

/* Its removal was lost in a power cut, or never came. */
static bool all_sent(const struct stored *stored)
{
	uint32_t n = stored->end.recipients;
	bool sent = n != 0 && stored->generation != 0;
	if (!sent)
		return false;
	enum progress_state *states = mem_zalloc(n * sizeof(*states)); /* 0 is pending */
	for (uint32_t i = 0; i < stored->generation; i++)
		apply(stored, states, &stored->progress[i]);
	for (uint32_t i = 0; i < n; i++)
		sent = sent && states[i] == PROGRESS_SENT;
	free(states);
	return sent;
}

static void remove_or_report(const struct store *store, struct judged *j,
			     enum judged_outcome outcome)
{
	if (unlinkat(store->queue_fd, store_name(&j->id).text, 0) == 0 || errno == ENOENT) {
		j->outcome = outcome;
		return;
	}
	struct err err;
	err_errno(&err, errno, "cannot be removed");
	j->outcome = JUDGED_BAD;
	j->reason = err;
}

static void move_away(const struct store *store, struct judged *j)
{
	struct err err;
	j->outcome = JUDGED_BAD;
	if (!store_quarantine(store, store_name(&j->id).text, &j->moved_to, &err)) {
		struct err reason = j->reason;
		err_set(&j->reason, "%.300s; %.400s", reason.text, err.text);
	}
}

size_t judge_file(const struct store *store, const struct msgid *id, struct judged *out)
{
	int fd;
	*out = (struct judged){ .id = *id, .outcome = JUDGED_GONE };
	switch (stored_open(store->queue_fd, id, STORED_ENVELOPE | STORED_WRITABLE | STORED_ALONE,
			    &fd, &out->stored, &out->reason)) {
	case STORED_GOOD:
		close(fd);
		out->outcome = JUDGED_MESSAGE;
		if (!all_sent(&out->stored))
			return (size_t)out->stored.end.content_at +
			       out->stored.generation * sizeof(struct progress);
		stored_done(&out->stored);
		remove_or_report(store, out, JUDGED_REMOVED_SENT);
		break;
	case STORED_GONE:
		break;
	case STORED_DRAFT:
		remove_or_report(store, out, JUDGED_REMOVED_DRAFT);
		break;
	case STORED_DAMAGED:
	case STORED_STRANGE:
		move_away(store, out);
		break;
	case STORED_LEFT:
		out->outcome = JUDGED_BAD;
		break;
	}
	return 0;
}

void judged_done(struct judged *judged)
{
	if (judged->outcome == JUDGED_MESSAGE)
		stored_done(&judged->stored);
	free(judged->moved_to);
}

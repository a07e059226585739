/* SPDX-License-Identifier: MIT */
#include "spool/stored.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "spool/store.h"
#include "spool/view.h"

/* One reading of a file. */
struct look {
	struct view view;
	const struct msgid *id;
	struct stored *out;
	struct err *err;
	bool unreadable; /* err says why; overrides any verdict */
};

static bool get(struct look *look, uint64_t at, size_t n, struct str *out)
{
	if (view_get(&look->view, at, n, out, look->err))
		return true;
	look->unreadable = true;
	return false;
}

/* Position of needle, or -1. */
static ptrdiff_t find(struct str bytes, struct str needle)
{
	const char *hit = memmem(bytes.p, bytes.n, needle.p, needle.n);
	return hit != NULL ? hit - bytes.p : -1;
}

/*
 * Walks backwards through the file. Each window reaches RECORD_LINE_MAX into the one before, so
 * that a record on the border is seen whole. Stops when visit() says true.
 */
static bool each_window(struct look *look, bool (*visit)(struct look *, uint64_t at, struct str))
{
	uint64_t at = look->view.size;
	struct str bytes;
	do {
		at = at > VIEW_STEP ? at - VIEW_STEP : 0;
		if (!get(look, at, VIEW_STEP + RECORD_LINE_MAX, &bytes))
			return false;
		if (visit(look, at, bytes))
			return true;
	} while (at != 0);
	return false;
}

/* Is this, at that position, this file's END record? Content may hold what looks like one, but its
 * author knew neither the id nor where in the file it would lie. */
static bool is_end(const struct look *look, struct str bytes, uint64_t at, struct stored *out)
{
	struct record_end end;
	struct str payload;
	size_t line;
	if (!record_parse(bytes, RECORD_END, &payload, &line) || !record_parse_end(payload, &end))
		return false;
	if (!msgid_equal(&end.id, look->id) || end.content_at + end.stats.size != at)
		return false;
	out->end = end;
	out->tail = at + line;
	return true;
}

/* Only at the start of a line: behind END, replies are foreign text too. */
static bool find_end(struct look *look, uint64_t at, struct str bytes)
{
	static const struct str needle = { "\n" RECORD_VERSION " end ",
					   sizeof("\n" RECORD_VERSION " end ") - 1 };
	bool found = false;
	ptrdiff_t hit;
	while ((hit = find(bytes, needle)) >= 0) {
		at += (uint64_t)hit + 1;
		bytes = str_skip(bytes, (size_t)hit + 1);
		if (is_end(look, str_head(bytes, RECORD_LINE_MAX), at, look->out))
			found = true; /* the last one counts */
	}
	return found;
}

/* The first sign of an END record that was there: any single damage leaves one of them. Its
 * position goes to out->tail. */
static bool find_trace(struct look *look, uint64_t at, struct str bytes)
{
	struct msgid_text id = msgid_text(look->id);
	const struct str lines[] = { record_magic(RECORD_END), record_magic(RECORD_PROGRESS) };
	struct strbuf needle;
	uint64_t first = look->out->tail;
	strbuf_init(&needle, 64);
	for (size_t i = 0; i < ARRAY_LEN(lines) + 1; i++) {
		strbuf_reset(&needle);
		if (i < ARRAY_LEN(lines)) {
			strbuf_addc(&needle, '\n');
			strbuf_addstr(&needle, lines[i]);
		} else {
			strbuf_addf(&needle, "id=%s", id.hex);
		}
		ptrdiff_t hit = find(bytes, strbuf_str(&needle));
		if (hit < 0)
			continue;
		uint64_t where = at + (uint64_t)hit + (i < ARRAY_LEN(lines));
		if (where < first)
			first = where;
	}
	strbuf_done(&needle);
	look->out->tail = first;
	return false; /* on to the file's beginning: the first counts */
}

/* "OAR2 envelope ..." */
static bool is_newer(struct str head)
{
	ptrdiff_t blank = str_chr(head, ' ');
	uint64_t version;
	if (blank < 0 || !str_starts(head, STR("OAR")))
		return false;
	return str_to_u64(str_skip(str_head(head, (size_t)blank), 3), 9999, &version) &&
	       version > 1 && str_starts(str_skip(head, (size_t)blank), STR(" envelope "));
}

/* The beginning of a file of ours, as far as its first bytes have come to the disk? */
static bool is_beginning(struct str head)
{
	struct str magic = record_magic(RECORD_ENVELOPE);
	size_t n = head.n < magic.n ? head.n : magic.n;
	ptrdiff_t nul = str_chr(str_head(head, n), '\0');
	if (nul >= 0)
		n = (size_t)nul;
	return str_eq(str_head(head, n), str_head(magic, n)) &&
	       (nul < 0 || record_is_torn(head, 0));
}

/* A file without a valid END: what an interrupted intake left, and nobody was told that we have
 * it; or a message whose END was damaged, which must not be thrown away. */
static enum stored_verdict judge_unfinished(struct look *look)
{
	struct str bytes;
	if (!get(look, 0, VIEW_STEP, &bytes))
		return STORED_LEFT;
	if (is_newer(bytes)) {
		err_set(look->err, "written by a newer oauthrelay");
		return STORED_LEFT;
	}
	if (!is_beginning(bytes)) {
		err_set(look->err, "not a message");
		return STORED_DAMAGED;
	}
	look->out->tail = UINT64_MAX;
	each_window(look, find_trace);
	if (look->unreadable)
		return STORED_LEFT;
	err_set(look->err, "never finished");
	if (look->out->tail == UINT64_MAX)
		return STORED_DRAFT;
	if (!get(look, look->out->tail, VIEW_STEP, &bytes))
		return STORED_LEFT;
	if (record_is_torn(bytes, look->out->tail))
		return STORED_DRAFT;
	err_set(look->err, "its END record is damaged");
	return STORED_DAMAGED;
}

static bool parse_envelope(struct look *look, struct str line)
{
	struct stored *out = look->out;
	struct str payload;
	size_t length;
	if (!record_parse(line, RECORD_ENVELOPE, &payload, &length) || length != line.n)
		return err_set(look->err, "its envelope record is damaged");
	if (!envelope_parse_json(payload, &out->envelope, look->err))
		return false;
	if (!msgid_equal(&out->envelope.id, look->id) ||
	    out->envelope.recipient_count != out->end.recipients)
		return err_set(look->err, "its envelope is another message's");
	return true;
}

static bool read_envelope(struct look *look)
{
	uint64_t length = look->out->end.content_at;
	struct str line;
	if (length <= VIEW_MAX)
		return get(look, 0, (size_t)length, &line) && parse_envelope(look, line);
	if (length > RECORD_HEAD_MAX + RECORD_ENVELOPE_MAX)
		return err_set(look->err, "its envelope record is damaged");
	char *bytes = mem_alloc((size_t)length);
	bool ok = view_read(&look->view, 0, bytes, (size_t)length, look->err);
	look->unreadable = !ok;
	ok = ok && parse_envelope(look, (struct str){ bytes, (size_t)length });
	free(bytes);
	return ok;
}

/* A later reply to the same has come. But what a record for the whole message has sealed is not
 * touched by the next such record, so there the earlier reply still stands. */
static void drop_reply(struct stored *out, uint32_t index)
{
	const struct progress *p = &out->progress[index];
	if (p->recipient == PROGRESS_MESSAGE && p->state != PROGRESS_PENDING &&
	    p->state != PROGRESS_INFLIGHT)
		return;
	free(out->replies[index]);
	out->replies[index] = NULL;
	out->progress[index].reply = STR("");
}

/* last: for each recipient, and behind them for the message, 1 + the index of its latest record
 * with a reply. */
static void keep(struct stored *out, const struct progress *p, uint32_t *last)
{
	uint32_t n = out->generation;
	if ((n & (n - 1)) == 0) {
		size_t room = n != 0 ? (size_t)n * 2 : 1;
		out->progress = mem_realloc_array(out->progress, room, sizeof(*out->progress));
		out->replies = mem_realloc_array(out->replies, room, sizeof(*out->replies));
	}
	out->progress[n] = *p;
	out->progress[n].reply = STR("");
	out->replies[n] = NULL;
	if (p->reply.n == 0)
		return;
	uint32_t *before =
		&last[p->recipient < out->end.recipients ? p->recipient : out->end.recipients];
	if (*before != 0)
		drop_reply(out, *before - 1);
	*before = n + 1;
	out->replies[n] = str_dup(p->reply);
	out->progress[n].reply = (struct str){ out->replies[n], p->reply.n };
}

/* One record at out->tail. False: there is none, or none that is good; then err says so. */
static bool read_record(struct look *look, uint32_t *last, struct strbuf *reply)
{
	struct stored *out = look->out;
	struct progress progress;
	struct str bytes, payload;
	size_t line;
	uint32_t number;
	if (!get(look, out->tail, RECORD_LINE_MAX, &bytes))
		return false;
	if (!record_parse(bytes, RECORD_PROGRESS, &payload, &line)) {
		if (!get(look, out->tail, VIEW_STEP, &bytes))
			return false;
		out->torn = record_is_torn(bytes, out->tail);
		return err_set(look->err, "progress record %ju is damaged",
			       (uintmax_t)out->generation + 1);
	}
	strbuf_reset(reply);
	if (!record_parse_progress(payload, &number, &progress, reply) ||
	    number != out->generation + 1 || out->generation == STORED_RECORDS_MAX ||
	    (progress.recipient >= out->end.recipients && progress.recipient != PROGRESS_MESSAGE))
		return err_set(look->err, "progress record %ju is wrong",
			       (uintmax_t)out->generation + 1);
	if (last != NULL)
		keep(out, &progress, last);
	out->generation++;
	out->tail += line;
	return true;
}

static bool read_records(struct look *look, bool keep_them)
{
	struct stored *out = look->out;
	struct strbuf reply;
	uint32_t *last = NULL;
	bool ok = true;
	strbuf_init(&reply, RECORD_LINE_MAX);
	if (keep_them)
		last = mem_zalloc(((size_t)out->end.recipients + 1) * sizeof(*last));
	while (ok && out->tail < look->view.size)
		ok = read_record(look, last, &reply);
	free(last);
	strbuf_done(&reply);
	/* A torn record was never reported as written, or was not synced: nobody relies on it. */
	return ok || out->torn;
}

static enum stored_verdict judge(struct look *look, unsigned flags)
{
	bool all = (flags & STORED_ENVELOPE) != 0;
	enum stored_verdict verdict;
	if (each_window(look, find_end)) {
		bool good = (!all || read_envelope(look)) && read_records(look, all);
		verdict = good ? STORED_GOOD : STORED_DAMAGED;
	} else {
		verdict = look->unreadable ? STORED_LEFT : judge_unfinished(look);
	}
	return look->unreadable ? STORED_LEFT : verdict;
}

static enum stored_verdict left(struct err *err, int errnum, const char *what)
{
	if (errnum == ENOENT) {
		err_set(err, "no such file");
		return STORED_GONE;
	}
	err_errno(err, errnum, "%s", what);
	return STORED_LEFT;
}

/* Looks before opening: to open a pipe, a device or somebody else's file can do harm. */
static enum stored_verdict judge_inode(const struct stat *st, unsigned flags, struct err *err)
{
	if (!S_ISREG(st->st_mode)) {
		err_set(err, "not a regular file");
		return STORED_STRANGE;
	}
	if ((flags & STORED_ALONE) != 0 && st->st_nlink != 1) {
		err_set(err, "has %ju names (hard links)", (uintmax_t)st->st_nlink);
		return STORED_STRANGE;
	}
	if (st->st_uid != geteuid()) {
		err_set(err, "belongs to user id %ju, not to the relay's (%ju)",
			(uintmax_t)st->st_uid, (uintmax_t)geteuid());
		return STORED_LEFT;
	}
	return STORED_GOOD;
}

static enum stored_verdict open_checked(int dir_fd, const struct msgid *id, unsigned flags,
					int *out, struct stat *ret_stat, struct err *err)
{
	struct store_name name = store_name(id);
	struct stat st;
	int mode = (flags & STORED_WRITABLE) != 0 ? O_RDWR : O_RDONLY;
	if (fstatat(dir_fd, name.text, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return left(err, errno, "stat");
	enum stored_verdict verdict = judge_inode(&st, flags, err);
	if (verdict != STORED_GOOD)
		return verdict;
	int fd = openat(dir_fd, name.text, mode | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return left(err, errno, "open");
	/* Again, in case it was exchanged in between. */
	verdict = fstat(fd, &st) == 0 ? judge_inode(&st, flags, err) : left(err, errno, "stat");
	if (verdict != STORED_GOOD) {
		close(fd);
		return verdict;
	}
	*out = fd;
	*ret_stat = st;
	return STORED_GOOD;
}

enum stored_verdict stored_open(int dir_fd, const struct msgid *id, unsigned flags, int *fd,
				struct stored *out, struct err *err)
{
	struct stored stored = { .torn = false };
	struct look look = { .id = id, .out = &stored, .err = err };
	struct stat st;
	int file;
	enum stored_verdict verdict = open_checked(dir_fd, id, flags, &file, &st, err);
	if (verdict != STORED_GOOD)
		return verdict;
	view_init(&look.view, file, (uint64_t)st.st_size);
	verdict = judge(&look, flags);
	view_done(&look.view);
	if (verdict == STORED_DRAFT && (st.st_mode & S_IXUSR) != 0) {
		err_set(err, "it was committed once, but its end is missing");
		verdict = STORED_DAMAGED;
	}
	if (verdict != STORED_GOOD) {
		stored_done(&stored);
		close(file);
		return verdict;
	}
	*fd = file;
	*out = stored;
	return STORED_GOOD;
}

void stored_done(struct stored *stored)
{
	envelope_done(&stored->envelope);
	if (stored->replies != NULL)
		for (uint32_t i = 0; i < stored->generation; i++)
			free(stored->replies[i]);
	free(stored->replies);
	free(stored->progress);
	stored->replies = NULL;
	stored->progress = NULL;
}

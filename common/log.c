/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/clock.h"
#include "common/quote.h"
#include "common/strbuf.h"

enum {
	VALUE_MAX = 2048,
	LINE_MAX_BYTES = 64 * 1024,
	PENDING_MAX = 1024 * 1024,
	STOP_WAIT_S = 1,
};

static const struct level_row {
	const char *name;     /* in the configuration and in the line */
	const char *priority; /* syslog(3) priority as journald reads it */
} level_rows[] = {
	[LOG_LEVEL_DEBUG] = { "debug", "<7>" },
	[LOG_LEVEL_INFO] = { "info", "<6>" },
	[LOG_LEVEL_WARNING] = { "warning", "<4>" },
	[LOG_LEVEL_ERROR] = { "error", "<3>" },
};

/* The sink. `pending` collects lines for the writer; the writer swaps it against its own. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* the writer */
	pthread_cond_t idle; /* who waits for its end */
	pthread_t thread;
	bool running;
	bool stop;
	bool ended;
	bool stuck; /* the writer hangs on a reader that does not read: nothing more is said */
	enum log_level level;
	struct strbuf pending;
	uint64_t dropped;
} sink = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wake = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
	.level = LOG_LEVEL_INFO,
	.pending = { .max = PENDING_MAX },
};

/* stderr is the journal when its device and inode are those systemd names (sd-daemon(3)). */
static bool stderr_is_journal(void)
{
	struct stat st;
	struct strbuf id;
	const char *stream = getenv("JOURNAL_STREAM");
	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	strbuf_init(&id, 64);
	strbuf_addf(&id, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	bool same = str_eq(strbuf_str(&id), str_of(stream));
	strbuf_done(&id);
	return same;
}

static void write_all(const char *p, size_t n)
{
	while (n != 0) {
		ssize_t done = write(STDERR_FILENO, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return; /* nobody to tell */
		p += done;
		n -= (size_t)done;
	}
}

static void *writer_main(void *arg)
{
	struct strbuf mine;
	(void)arg;
	strbuf_init(&mine, PENDING_MAX);
	pthread_mutex_lock(&sink.lock);
	for (;;) {
		while (sink.pending.n == 0 && sink.dropped == 0 && !sink.stop)
			pthread_cond_wait(&sink.wake, &sink.lock);
		if (sink.pending.n == 0 && sink.dropped == 0)
			break;
		struct strbuf full = sink.pending;
		uint64_t dropped = sink.dropped;
		sink.pending = mine;
		sink.dropped = 0;
		mine = full;
		pthread_mutex_unlock(&sink.lock);
		write_all(mine.p, mine.n);
		strbuf_reset(&mine);
		if (dropped != 0)
			log_warning("log-lines-dropped", lf_int("count", (int64_t)dropped));
		pthread_mutex_lock(&sink.lock);
	}
	sink.ended = true;
	pthread_cond_signal(&sink.idle);
	pthread_mutex_unlock(&sink.lock);
	strbuf_done(&mine);
	return NULL;
}

void log_start_writer(void)
{
	pthread_mutex_lock(&sink.lock);
	if (!sink.running) {
		sink.stop = sink.ended = false;
		sink.stuck = false;
		sink.running = pthread_create(&sink.thread, NULL, writer_main, NULL) == 0;
	}
	pthread_mutex_unlock(&sink.lock);
}

/* Under the lock. False: the writer hangs in its write. */
static bool writer_ends(void)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STOP_WAIT_S;
	while (!sink.ended)
		if (pthread_cond_clockwait(&sink.idle, &sink.lock, CLOCK_MONOTONIC, &until) != 0)
			break;
	return sink.ended;
}

void log_stop_writer(void)
{
	pthread_mutex_lock(&sink.lock);
	bool running = sink.running;
	sink.stop = true;
	sink.running = false;
	pthread_cond_signal(&sink.wake);
	sink.stuck = running && !writer_ends();
	bool stuck = sink.stuck;
	pthread_mutex_unlock(&sink.lock);
	if (stuck)
		return; /* it still uses the buffers */
	if (running)
		pthread_join(sink.thread, NULL);
	pthread_mutex_lock(&sink.lock);
	strbuf_done(&sink.pending);
	pthread_mutex_unlock(&sink.lock);
}

void log_set_level(enum log_level level)
{
	pthread_mutex_lock(&sink.lock);
	sink.level = level;
	pthread_mutex_unlock(&sink.lock);
}

bool log_enabled(enum log_level level)
{
	pthread_mutex_lock(&sink.lock);
	bool enabled = level >= sink.level;
	pthread_mutex_unlock(&sink.lock);
	return enabled;
}

bool log_level_of(struct str name, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LEN(level_rows); i++)
		if (str_eq(name, str_of(level_rows[i].name))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

static void append_field(struct strbuf *line, const struct log_field *field)
{
	strbuf_addf(line, " %s=", field->key);
	if (field->number)
		strbuf_addf(line, "%lld", (long long)field->value);
	else if (field->text.n <= VALUE_MAX && quote_is_plain(field->text))
		strbuf_addstr(line, field->text);
	else
		quote_append(line, field->text, VALUE_MAX);
}

static void emit(const struct strbuf *line)
{
	pthread_mutex_lock(&sink.lock);
	if (!sink.running) {
		bool stuck = sink.stuck;
		pthread_mutex_unlock(&sink.lock);
		if (!stuck)
			write_all(line->p, line->n);
		return;
	}
	strbuf_add(&sink.pending, line->p, line->n);
	if (sink.pending.overflow) {
		sink.pending.overflow = false;
		sink.dropped++;
	}
	pthread_cond_signal(&sink.wake);
	pthread_mutex_unlock(&sink.lock);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
	if (!log_enabled(level))
		return;
	struct strbuf line;
	strbuf_init(&line, LINE_MAX_BYTES);
	if (stderr_is_journal()) {
		strbuf_adds(&line, level_rows[level].priority);
	} else {
		clock_append_iso(&line, clock_wall_ms());
		strbuf_addf(&line, " %s ", level_rows[level].name);
	}
	strbuf_adds(&line, event);
	for (size_t i = 0; i < n; i++)
		append_field(&line, &fields[i]);
	line.overflow = false; /* a line that long is cut, but it keeps its end */
	line.max++;
	strbuf_addc(&line, '\n');
	emit(&line);
	strbuf_done(&line);
}

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_LOG_H
#define OAUTHRELAY_COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/*
 * The log: one event per line, `event key=value ...`, every value quoted where it needs it, so
 * that no foreign text can forge a line. The process's only global. Lines go to stderr, with a
 * "<N>" priority for journald when stderr is the journal and with a UTC time otherwise.
 *
 * After log_start_writer() a thread of its own does the writing, because a pipe that nobody reads
 * must not stop the loop; when its buffer (1 MiB) is full, lines are dropped and their number is
 * logged. Any thread may log.
 *
 * Secrets cannot be logged by accident: struct secret (common/secret.h) has no log field.
 */

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
};

struct log_field {
	const char *key;
	struct str text; /* when number is false */
	int64_t value;
	bool number;
};

void log_set_level(enum log_level level);
bool log_level_of(struct str name, enum log_level *out) MUST_CHECK;
void log_start_writer(void);
/* Writes what is left and joins the thread. A reader that does not read for a second loses the
 * rest: it must not keep the process from ending. */
void log_stop_writer(void);
bool log_enabled(enum log_level level);

/* n fields in the order given; values longer than 2 KiB are cut. */
void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t n);

static inline struct log_field lf_slice(const char *key, struct str value)
{
	return (struct log_field){ .key = key, .text = value };
}

static inline struct log_field lf_str(const char *key, const char *value)
{
	return lf_slice(key, str_of(value));
}

static inline struct log_field lf_int(const char *key, int64_t value)
{
	return (struct log_field){ .key = key, .value = value, .number = true };
}

#define LOG_FIELDS(...)                            \
	(const struct log_field[]){ __VA_ARGS__ }, \
		sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field)

#define log_debug(event, ...)	log_event(LOG_LEVEL_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)	log_event(LOG_LEVEL_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...)	log_event(LOG_LEVEL_ERROR, event, LOG_FIELDS(__VA_ARGS__))

#endif

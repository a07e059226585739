/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_DIAG_H
#define OAUTHRELAY_CONFIG_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "common/str.h"

struct config_report;

/*
 * Findings while a configuration is read: each with the place it is about, so that all of them
 * can be told at once in the order of the file. Where a field's value was written is noted by the
 * loader under the field's address, and looked up by the cross-checks, which see only the struct.
 * Belongs to one call of config_load().
 */
struct diag_place {
	const char *file; /* lives as long as the parsed file */
	unsigned line;	  /* 0: nowhere in particular */
};

struct diag_finding {
	struct diag_place place;
	bool error;
	char *text;
};

struct diag_origin {
	const void *field;
	struct diag_place place;
};

struct diag {
	const char *path; /* of the main file */
	bool by_hand;	  /* config_load_by_hand(): systemd's credentials are out of reach */
	struct diag_finding *findings;
	size_t finding_count;
	struct diag_origin *origins;
	size_t origin_count;
	size_t error_count;
};

void diag_init(struct diag *d, const char *path);
void diag_done(struct diag *d);

void diag_note_origin(struct diag *d, const void *field, struct diag_place place);
/* Line 0 when the field was not written. */
struct diag_place diag_origin(const struct diag *d, const void *field);
/* That the file has set the field, as opposed to a default. */
bool diag_is_set(const struct diag *d, const void *field);
/* That an error has been reported about the line that set it. */
bool diag_is_wrong(const struct diag *d, const void *field);

void diag_error(struct diag *d, struct diag_place place, const char *fmt, ...) PRINTF_LIKE(3, 4);
void diag_warning(struct diag *d, struct diag_place place, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, about where the field's value was written. */
void diag_error_at(struct diag *d, const void *field, const char *fmt, ...) PRINTF_LIKE(3, 4);
void diag_warning_at(struct diag *d, const void *field, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "path:line: text", errors and warnings apart, in the order of the file. */
void diag_report(struct diag *d, struct config_report *report);

#endif

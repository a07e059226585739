/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_TABLE_H
#define OAUTHRELAY_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "common/strbuf.h"

/*
 * Text tables that fit a width: columns as wide as their cells, and where that is too wide, the
 * flexible ones are cut (with ".." at the end). Cells are copied and made printable, so foreign
 * text cannot address the terminal. Pure.
 */
enum {
	TABLE_COLUMNS_MAX = 10
};

struct table_column {
	const char *title;
	bool right;    /* numbers */
	bool flexible; /* may be cut */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells; /* row after row; a note has its text in the first, the others are NULL */
	size_t row_count;
};

/* columns must outlive the table. */
void table_init(struct table *t, const struct table_column *columns, size_t count);
void table_done(struct table *t);
/* One cell for each column; NULL is an empty one. */
void table_row(struct table *t, const char *const *cells);
/* Text below the last row, indented, across all columns; a long one takes several lines. */
void table_note(struct table *t, const char *text);
/* Each line no longer than width, without blanks at its end. */
void table_append(struct strbuf *out, const struct table *t, size_t width, bool colour);

/* Words for small spaces: "12s", "5m", "3h", "2d"; "900", "12K", "5.2M". */
void table_short_age(struct strbuf *out, int64_t seconds);
void table_short_size(struct strbuf *out, uint64_t bytes);

#endif

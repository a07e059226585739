/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/quote.h"

enum {
	CELL_MAX = 1024,
	GAP = 2,
	FLEXIBLE_MIN = 8,
	NOTE_INDENT = 10,
	NOTE_LINES = 5, /* about */
};

void table_init(struct table *t, const struct table_column *columns, size_t count)
{
	*t = (struct table){ .columns = columns, .column_count = count };
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->row_count * t->column_count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

void table_row(struct table *t, const char *const *cells)
{
	size_t used = t->row_count * t->column_count;
	t->cells = mem_realloc_array(t->cells, used + t->column_count, sizeof(*t->cells));
	for (size_t i = 0; i < t->column_count; i++) {
		struct strbuf cell;
		strbuf_init(&cell, (size_t)CELL_MAX * 5);
		quote_append_visible(&cell, str_of(cells[i]), CELL_MAX);
		t->cells[used + i] = strbuf_steal(&cell);
	}
	t->row_count++;
}

void table_note(struct table *t, const char *text)
{
	const char *cells[TABLE_COLUMNS_MAX] = { text };
	table_row(t, cells);
	/* A table with notes has two columns at least. */
	size_t first = (t->row_count - 1) * t->column_count;
	for (size_t i = 1; i < t->column_count; i++) {
		free(t->cells[first + i]);
		t->cells[first + i] = NULL;
	}
}

static bool is_note(const struct table *t, size_t row)
{
	return t->column_count > 1 && t->cells[row * t->column_count + 1] == NULL;
}

static size_t natural_width(const struct table *t, size_t column)
{
	size_t width = strlen(t->columns[column].title);
	for (size_t row = 0; row < t->row_count; row++) {
		if (is_note(t, row))
			continue;
		size_t n = strlen(t->cells[row * t->column_count + column]);
		width = n > width ? n : width;
	}
	return width;
}

/* The widest column that may still give a character, or -1. */
static ptrdiff_t widest(const struct table *t, const size_t *widths)
{
	ptrdiff_t best = -1;
	for (size_t i = 0; i < t->column_count; i++)
		if (t->columns[i].flexible && widths[i] > FLEXIBLE_MIN &&
		    (best < 0 || widths[i] > widths[best]))
			best = (ptrdiff_t)i;
	return best;
}

static void fit(const struct table *t, size_t width, size_t *widths)
{
	size_t total = (t->column_count - 1) * GAP;
	for (size_t i = 0; i < t->column_count; i++) {
		widths[i] = natural_width(t, i);
		total += widths[i];
	}
	while (total > width) {
		ptrdiff_t column = widest(t, widths);
		if (column < 0)
			return;
		widths[column]--;
		total--;
	}
}

static void append_cell(struct strbuf *out, const char *text, size_t width, bool right)
{
	struct str cell = str_of(text);
	bool cut = cell.n > width;
	size_t shown = cut ? width - 2 : cell.n;
	if (right && !cut)
		strbuf_addf(out, "%*s", (int)(width - cell.n), "");
	strbuf_addstr(out, str_head(cell, shown));
	strbuf_adds(out, cut ? ".." : "");
	if (!right && !cut)
		strbuf_addf(out, "%*s", (int)(width - cell.n), "");
}

static void append_line(struct strbuf *out, const struct table *t, const size_t *widths,
			const char *const *cells)
{
	struct strbuf line;
	strbuf_init(&line, (size_t)TABLE_COLUMNS_MAX * (CELL_MAX + GAP));
	for (size_t i = 0; i < t->column_count; i++) {
		strbuf_adds(&line, i != 0 ? "  " : "");
		append_cell(&line, cells[i], widths[i], t->columns[i].right);
	}
	struct str text = strbuf_str(&line);
	while (text.n != 0 && text.p[text.n - 1] == ' ')
		text.n--;
	strbuf_addstr(out, text);
	strbuf_done(&line);
}

static void append_note(struct strbuf *out, const char *text, size_t width)
{
	struct strbuf note;
	size_t max = (width - NOTE_INDENT) * NOTE_LINES;
	bool cut = strlen(text) > max;
	strbuf_init(&note, max + 2);
	strbuf_addstr(&note, str_head(str_of(text), cut ? max - 2 : max));
	strbuf_adds(&note, cut ? ".." : "");
	strbuf_addf(out, "%*s", NOTE_INDENT, "");
	strbuf_add_wrapped(out, strbuf_str(&note), NOTE_INDENT, NOTE_INDENT, width);
	strbuf_done(&note);
}

void table_append(struct strbuf *out, const struct table *t, size_t width, bool colour)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	const char *titles[TABLE_COLUMNS_MAX] = { 0 };
	if (t->column_count > TABLE_COLUMNS_MAX)
		abort();
	fit(t, width, widths);
	for (size_t i = 0; i < t->column_count; i++)
		titles[i] = t->columns[i].title;
	strbuf_adds(out, colour ? "\x1b[1m" : "");
	append_line(out, t, widths, titles);
	strbuf_adds(out, colour ? "\x1b[0m\n" : "\n");
	for (size_t row = 0; row < t->row_count; row++) {
		const char *const *cells = (const char *const *)t->cells + row * t->column_count;
		if (is_note(t, row))
			append_note(out, cells[0], width);
		else
			append_line(out, t, widths, cells);
		strbuf_addc(out, '\n');
	}
}

void table_short_age(struct strbuf *out, int64_t seconds)
{
	long long s = seconds > 0 ? seconds : 0;
	if (s < 120)
		strbuf_addf(out, "%llds", s);
	else if (s < 120 * 60)
		strbuf_addf(out, "%lldm", s / 60);
	else if (s < 48 * 3600)
		strbuf_addf(out, "%lldh", s / 3600);
	else
		strbuf_addf(out, "%lldd", s / 86400);
}

void table_short_size(struct strbuf *out, uint64_t bytes)
{
	static const char letters[] = "KMGT";
	uint64_t unit = 1024;
	size_t i = 0;
	if (bytes < 1000) {
		strbuf_addf(out, "%llu", (unsigned long long)bytes);
		return;
	}
	while (i + 2 < sizeof(letters) && bytes >= unit * 1000) {
		unit *= 1024;
		i++;
	}
	uint64_t tenths = (bytes / (unit / 64) * 10 + 32) / 64;
	if (tenths < 100)
		strbuf_addf(out, "%llu.%llu%c", (unsigned long long)(tenths / 10),
			    (unsigned long long)(tenths % 10), letters[i]);
	else
		strbuf_addf(out, "%llu%c", (unsigned long long)((tenths + 5) / 10), letters[i]);
}

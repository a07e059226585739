/* SPDX-License-Identifier: MIT */
#include "config/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/strbuf.h"
#include "config/config.h"

enum {
	TEXT_MAX = 4096,
	FINDINGS_MAX = 1000
};

void diag_init(struct diag *d, const char *path)
{
	*d = (struct diag){ .path = path };
}

void diag_done(struct diag *d)
{
	for (size_t i = 0; i < d->finding_count; i++)
		free(d->findings[i].text);
	free(d->findings);
	free(d->origins);
	*d = (struct diag){ 0 };
}

void diag_note_origin(struct diag *d, const void *field, struct diag_place place)
{
	d->origins = mem_realloc_array(d->origins, d->origin_count + 1, sizeof(struct diag_origin));
	d->origins[d->origin_count++] = (struct diag_origin){ field, place };
}

/* The latest note counts: a struct and its first member have one address, and the member is noted
 * after the struct. */
struct diag_place diag_origin(const struct diag *d, const void *field)
{
	for (size_t i = d->origin_count; i > 0; i--)
		if (d->origins[i - 1].field == field)
			return d->origins[i - 1].place;
	return (struct diag_place){ d->path, 0 };
}

bool diag_is_set(const struct diag *d, const void *field)
{
	return diag_origin(d, field).line != 0;
}

bool diag_is_wrong(const struct diag *d, const void *field)
{
	struct diag_place place = diag_origin(d, field);
	for (size_t i = 0; i < d->finding_count; i++) {
		const struct diag_finding *f = &d->findings[i];
		if (f->error && f->place.line == place.line && f->place.line != 0 &&
		    strcmp(f->place.file, place.file) == 0)
			return true;
	}
	return false;
}

static void PRINTF_LIKE(4, 0)
	add(struct diag *d, struct diag_place place, bool error, const char *fmt, va_list ap)
{
	struct strbuf text;
	d->error_count += error;
	if (d->finding_count >= FINDINGS_MAX)
		return;
	strbuf_init(&text, TEXT_MAX);
	strbuf_vaddf(&text, fmt, ap);
	d->findings =
		mem_realloc_array(d->findings, d->finding_count + 1, sizeof(struct diag_finding));
	d->findings[d->finding_count++] =
		(struct diag_finding){ place, error, strbuf_steal(&text) };
}

void diag_error(struct diag *d, struct diag_place place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, place, true, fmt, ap);
	va_end(ap);
}

void diag_warning(struct diag *d, struct diag_place place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, place, false, fmt, ap);
	va_end(ap);
}

void diag_error_at(struct diag *d, const void *field, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, diag_origin(d, field), true, fmt, ap);
	va_end(ap);
}

void diag_warning_at(struct diag *d, const void *field, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(d, diag_origin(d, field), false, fmt, ap);
	va_end(ap);
}

/* What has no line comes last. */
static bool is_later(const struct diag_finding *a, const struct diag_finding *b)
{
	if (a->place.line == 0 || b->place.line == 0)
		return a->place.line == 0 && b->place.line != 0;
	int files = strcmp(a->place.file, b->place.file);
	return files > 0 || (files == 0 && a->place.line > b->place.line);
}

/* Insertion: stable, and the list is short and mostly in order. */
static void sort(struct diag *d)
{
	for (size_t i = 1; i < d->finding_count; i++) {
		struct diag_finding moving = d->findings[i];
		size_t j = i;
		for (; j > 0 && is_later(&d->findings[j - 1], &moving); j--)
			d->findings[j] = d->findings[j - 1];
		d->findings[j] = moving;
	}
}

void diag_report(struct diag *d, struct config_report *report)
{
	sort(d);
	for (size_t i = 0; i < d->finding_count; i++) {
		const struct diag_finding *f = &d->findings[i];
		struct strbuf *out = f->error ? &report->errors : &report->warnings;
		strbuf_adds(out, f->place.file != NULL ? f->place.file : d->path);
		if (f->place.line != 0)
			strbuf_addf(out, ":%u", f->place.line);
		strbuf_addf(out, ": %s\n", f->text);
		if (f->error)
			report->error_count++;
		else
			report->warning_count++;
	}
}

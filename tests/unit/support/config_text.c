/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Text with every "@DIR@" replaced; or, the other way, "DIR/relay.conf" made "relay.conf". */
static void replace_all(struct strbuf *out, const char *text, const char *what, const char *by)
{
	const char *hit;
	while ((hit = strstr(text, what)) != NULL) {
		strbuf_add(out, text, (size_t)(hit - text));
		strbuf_adds(out, by);
		text = hit + strlen(what);
	}
	strbuf_adds(out, text);
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

#define HASH "$5$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void users_files(const char *dir, bool make)
{
	static const char *const rows[][2] = { { "users", "anna:" HASH "\n" },
					       { "routed", "bert:" HASH ":account=old\n" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[128];
		assert_true(snprintf(path, sizeof(path), "%s/%s", dir, rows[i][0]) > 0);
		if (make)
			write_file(path, rows[i][1]);
		else
			unlink(path);
	}
}

static void shorten(struct strbuf *findings, const char *path)
{
	struct strbuf shorter;
	strbuf_init(&shorter, findings->max);
	replace_all(&shorter, strbuf_cstr(findings), path, "relay.conf");
	strbuf_done(findings);
	*findings = shorter;
}

typedef struct config *load_fn(const char *path, struct config_report *report);

static struct config *from_text(const char *text, load_fn *load, struct config_report *report)
{
	char dir[] = "/tmp/oar-config-XXXXXX";
	struct strbuf path;
	struct strbuf secret;
	struct strbuf filled;
	assert_non_null(mkdtemp(dir));
	strbuf_init(&path, 256);
	strbuf_init(&secret, 256);
	strbuf_init(&filled, 16U << 20);
	strbuf_addf(&path, "%s/relay.conf", dir);
	strbuf_addf(&secret, "%s/secret", dir);
	replace_all(&filled, text, "@DIR@", dir);
	write_file(strbuf_cstr(&path), strbuf_cstr(&filled));
	write_file(strbuf_cstr(&secret), CONFIG_SECRET "\n");
	users_files(dir, true);

	config_report_init(report);
	struct config *config = load(strbuf_cstr(&path), report);
	shorten(&report->errors, strbuf_cstr(&path));
	shorten(&report->warnings, strbuf_cstr(&path));

	unlink(strbuf_cstr(&path));
	unlink(strbuf_cstr(&secret));
	users_files(dir, false);
	rmdir(dir);
	strbuf_done(&path);
	strbuf_done(&secret);
	strbuf_done(&filled);
	return config;
}

struct config *config_from_text(const char *text, struct config_report *report)
{
	return from_text(text, config_load, report);
}

struct config *config_by_hand_from_text(const char *text, struct config_report *report)
{
	return from_text(text, config_load_by_hand, report);
}

struct config *config_must_load(const char *text)
{
	struct config_report report;
	struct config *config = config_from_text(text, &report);
	assert_string_equal(strbuf_cstr(&report.errors), "");
	assert_string_equal(strbuf_cstr(&report.warnings), "");
	assert_non_null(config);
	config_report_done(&report);
	return config;
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/nearest.h"
#include "config/print.h"
#include "config/schema.h"

#define SERVICE_USER "oauthrelay"

enum {
	PASSWD_MAX = 16 * 1024
};

/*
 * Root can read every secret, so root's own look at the files says little about the service: where
 * the installed configuration is meant, root becomes the service's user for good. *became says so.
 */
static bool become_service_user(const struct cli *cli, bool *became, struct err *err)
{
	struct passwd entry;
	struct passwd *found = NULL;
	*became = false;
	if (geteuid() != 0 || cli->config_given)
		return true;
	char *room = mem_alloc(PASSWD_MAX);
	bool ok = true;
	if (getpwnam_r(SERVICE_USER, &entry, room, PASSWD_MAX, &found) == 0 && found != NULL) {
		ok = initgroups(entry.pw_name, entry.pw_gid) == 0 &&
		     setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) == 0 &&
		     setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) == 0;
		*became = ok;
	}
	if (!ok)
		err_errno(err, errno, "cannot become the user " SERVICE_USER);
	free(room);
	return ok;
}

/* Adds each line of text with "label" in front. */
static void append_lines(struct strbuf *out, const char *label, const struct strbuf *text)
{
	struct str rest = strbuf_str(text);
	while (rest.n != 0) {
		ptrdiff_t end = str_chr(rest, '\n');
		struct str line = end >= 0 ? str_head(rest, (size_t)end) : rest;
		strbuf_addf(out, "%s: ", label);
		strbuf_addstr(out, line);
		strbuf_addc(out, '\n');
		rest = str_skip(rest, line.n + 1);
	}
}

struct config *cmd_load_config(struct cli *cli, bool warnings)
{
	struct config_report report;
	config_report_init(&report);
	struct config *config = config_load_by_hand(cli->config_path, &report);
	append_lines(&cli->err, "error", &report.errors);
	if (warnings)
		append_lines(&cli->err, "warning", &report.warnings);
	if (config == NULL)
		strbuf_addf(&cli->err, "%zu error%s: the relay would not start with this\n",
			    report.error_count, report.error_count == 1 ? "" : "s");
	config_report_done(&report);
	return config;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

int cmd_config_check(struct cli *cli)
{
	struct err err;
	bool became;
	if (!become_service_user(cli, &became, &err))
		return cli_fail(cli, &err);
	struct config *config = cmd_load_config(cli, true);
	if (config == NULL)
		return CLI_FAILURE;
	strbuf_addf(&cli->out, "%s is right%s: %zu listener%s, %zu device%s, %zu account%s\n",
		    cli->config_path, became ? " (read as the user " SERVICE_USER ")" : "",
		    config->listener_count, plural(config->listener_count), config->device_count,
		    plural(config->device_count), config->account_count,
		    plural(config->account_count));
	config_unref(config);
	return CLI_OK;
}

int cmd_config_show(struct cli *cli)
{
	struct config *config = cmd_load_config(cli, false);
	if (config == NULL)
		return CLI_FAILURE;
	if (cli->json) {
		cJSON *json = print_json(config);
		json_append(&cli->out, json);
		strbuf_addc(&cli->out, '\n');
		cJSON_Delete(json);
	} else {
		print_text(&cli->out, config);
	}
	config_unref(config);
	return CLI_OK;
}

struct guess {
	struct nearest near;
	struct strbuf path; /* the best so far, if that is a path */
};

/* By its last word and by its whole path, as print_keys() takes both. */
static void offer(const struct schema_key *key, void *arg)
{
	struct guess *guess = arg;
	struct strbuf path;
	nearest_offer(&guess->near, key->name);
	if (key->section[0] == '\0')
		return;
	strbuf_init(&path, 256);
	strbuf_addf(&path, "%s.%s", key->section, key->name);
	nearest_offer(&guess->near, strbuf_cstr(&path));
	if (guess->near.best == path.p) {
		strbuf_done(&guess->path);
		guess->path = path;
	} else {
		strbuf_done(&path);
	}
}

static int no_such_key(struct cli *cli, const char *word)
{
	struct guess guess = { 0 };
	struct strbuf q;
	strbuf_init(&q, 512);
	quote_append(&q, str_of(word), 64);
	nearest_begin(&guess.near, str_of(word));
	for (size_t i = 0; i < schema_section_count; i++) {
		nearest_offer(&guess.near, schema_sections[i].path);
		schema_walk(schema_sections[i].path, offer, &guess);
	}
	const char *best = guess.near.best;
	strbuf_addf(&cli->err, "oauthrelay: there is no setting or section %s%s%s%s\n",
		    strbuf_cstr(&q), best != NULL ? "; did you mean \"" : "",
		    best != NULL ? best : "", best != NULL ? "\"?" : "");
	strbuf_done(&guess.path);
	strbuf_done(&q);
	return CLI_FAILURE;
}

int cmd_config_keys(struct cli *cli)
{
	const char *only = cli->word_count != 0 ? cli->words[0] : "";
	if (!cli->json)
		return print_keys(&cli->out, str_of(only)) ? CLI_OK : no_such_key(cli, only);
	cJSON *json = print_keys_json(str_of(only));
	if (json == NULL)
		return no_such_key(cli, only);
	json_append(&cli->out, json);
	strbuf_addc(&cli->out, '\n');
	cJSON_Delete(json);
	return CLI_OK;
}

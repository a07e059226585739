/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/quote.h"
#include "config/nearest.h"

enum {
	OUTPUT_MAX = 256 * 1024 * 1024,
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 60
};

static const struct option_row {
	const char *name;
	char letter; /* 0: none */
	bool takes_value;
	unsigned bit; /* enum cli_option; 0: always allowed */
} option_rows[] = {
	{ "--config", 'c', true, OPTION_CONFIG },
	{ "--socket", 0, true, OPTION_SOCKET },
	{ "--json", 0, false, OPTION_JSON },
	{ "--limit", 0, true, OPTION_PAGE },
	{ "--offset", 0, true, OPTION_PAGE },
	{ "--all", 0, false, OPTION_PAGE },
	{ "--account", 0, true, OPTION_ACCOUNT },
	{ "--senders", 0, true, OPTION_USER },
	{ "--recipients", 0, true, OPTION_USER },
	{ "--networks", 0, true, OPTION_USER },
	{ "--der", 0, false, OPTION_DER },
	{ "--browser", 0, false, OPTION_BROWSER },
	{ "--expires", 0, true, OPTION_SECRET },
	{ "--forget", 0, false, OPTION_SECRET },
	{ "--new", 0, false, OPTION_CERTIFICATE },
	{ "--out", 0, true, OPTION_CERTIFICATE },
	{ "--help", 'h', false, 0 },
};

void cli_init(struct cli *cli)
{
	*cli = (struct cli){ .config_path = CLI_DEFAULT_CONFIG, .width = WIDTH_DEFAULT };
	strbuf_init(&cli->out, OUTPUT_MAX);
	strbuf_init(&cli->err, OUTPUT_MAX);
}

void cli_done(struct cli *cli)
{
	strbuf_done(&cli->out);
	strbuf_done(&cli->err);
}

void cli_use_files(struct cli *cli)
{
	struct winsize size;
	const char *term = getenv("TERM");
	cli->to_files = true;
	/* A pipe or file gets whole values: what reads there searches for them. */
	cli->terminal = isatty(STDOUT_FILENO) == 1;
	cli->width = cli->terminal ? (size_t)WIDTH_DEFAULT : (size_t)CLI_WIDTH_ANY;
	if (!cli->terminal)
		return;
	/* https://no-color.org */
	cli->colour = getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
		cli->width = size.ws_col;
}

bool cli_flush(struct cli *cli)
{
	struct err err;
	if (!cli->to_files)
		return true;
	bool ok = fsx_write_all(STDOUT_FILENO, cli->out.p, cli->out.n, &err);
	ok = fsx_write_all(STDERR_FILENO, cli->err.p, cli->err.n, &err) && ok;
	strbuf_reset(&cli->out);
	strbuf_reset(&cli->err);
	return ok;
}

int cli_fail(struct cli *cli, const struct err *err)
{
	strbuf_addf(&cli->err, "oauthrelay: %s\n", err->text);
	return CLI_FAILURE;
}

static bool usage_error(struct err *err, const char *arg, const char *what)
{
	struct strbuf q;
	strbuf_init(&q, 512);
	quote_append(&q, str_of(arg), 64);
	err_set(err, "%s: %s", strbuf_cstr(&q), what);
	strbuf_done(&q);
	return false;
}

/* The row, and what stands behind "=" or the letter; NULL value: nothing does. */
static const struct option_row *find_option(const char *arg, const char **value)
{
	*value = NULL;
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		size_t n = strlen(row->name);
		if (strncmp(arg, row->name, n) == 0 && (arg[n] == '\0' || arg[n] == '=')) {
			*value = arg[n] == '=' ? arg + n + 1 : NULL;
			return row;
		}
		if (row->letter != 0 && arg[1] == row->letter) {
			*value = arg[2] != '\0' ? arg + 2 : NULL;
			return row;
		}
	}
	return NULL;
}

static bool unknown_option(struct err *err, const char *arg)
{
	struct nearest near;
	struct strbuf text;
	nearest_begin(&near, str_of(arg));
	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++)
		nearest_offer(&near, option_rows[i].name);
	strbuf_init(&text, 512);
	strbuf_adds(&text, "there is no such option");
	if (near.best != NULL)
		strbuf_addf(&text, "; did you mean %s?", near.best);
	usage_error(err, arg, strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static bool set_number(const char *arg, const char *value, uint64_t *out, struct err *err)
{
	return str_to_u64(str_of(value), INT32_MAX, out) ||
	       usage_error(err, arg, "its value must be a number");
}

static bool set_option(struct cli *cli, const struct option_row *row, const char *value,
		       struct err *err)
{
	cli->used |= row->bit;
	if (strcmp(row->name, "--config") == 0) {
		cli->config_path = value;
		cli->config_given = true;
	} else if (strcmp(row->name, "--socket") == 0) {
		cli->socket = value;
	} else if (strcmp(row->name, "--limit") == 0) {
		return set_number(row->name, value, &cli->limit, err);
	} else if (strcmp(row->name, "--offset") == 0) {
		return set_number(row->name, value, &cli->offset, err);
	} else if (strcmp(row->name, "--account") == 0) {
		cli->account = value;
	} else if (strcmp(row->name, "--senders") == 0) {
		cli->senders = value;
	} else if (strcmp(row->name, "--recipients") == 0) {
		cli->recipients = value;
	} else if (strcmp(row->name, "--networks") == 0) {
		cli->networks = value;
	} else if (strcmp(row->name, "--json") == 0) {
		cli->json = true;
	} else if (strcmp(row->name, "--all") == 0) {
		cli->all = true;
	} else if (strcmp(row->name, "--der") == 0) {
		cli->der = true;
	} else if (strcmp(row->name, "--browser") == 0) {
		cli->browser = true;
	} else if (strcmp(row->name, "--expires") == 0) {
		cli->expires = value;
	} else if (strcmp(row->name, "--forget") == 0) {
		cli->forget = true;
	} else if (strcmp(row->name, "--new") == 0) {
		cli->renew = true;
	} else if (strcmp(row->name, "--out") == 0) {
		cli->to_file = value;
	} else {
		cli->help = true;
	}
	return true;
}

static bool add_word(struct cli *cli, const char *word, struct err *err)
{
	if (cli->word_count == CLI_WORDS_MAX)
		return usage_error(err, word, "that is one word too many");
	cli->words[cli->word_count++] = word;
	return true;
}

bool cli_parse(struct cli *cli, int argc, const char *const *argv, struct err *err)
{
	const char *from_environment = getenv("OAUTHRELAY_CONFIG");
	bool options = true;
	if (from_environment != NULL && from_environment[0] != '\0') {
		cli->config_path = from_environment;
		cli->config_given = true;
	}
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		const char *value;
		if (!options || arg[0] != '-' || arg[1] == '\0') {
			if (!add_word(cli, arg, err))
				return false;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			options = false;
			continue;
		}
		const struct option_row *row = find_option(arg, &value);
		if (row == NULL)
			return unknown_option(err, arg);
		if (!row->takes_value && value != NULL)
			return usage_error(err, arg, "it takes no value");
		if (row->takes_value && value == NULL && i + 1 < argc)
			value = argv[++i];
		if (row->takes_value && value == NULL)
			return usage_error(err, arg, "its value is missing");
		if (!set_option(cli, row, value, err))
			return false;
	}
	return true;
}

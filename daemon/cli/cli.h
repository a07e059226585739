/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_CLI_H
#define OAUTHRELAY_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/strbuf.h"

/*
 * One call of the program, as its subcommands see it: what was asked for, and where the answer
 * goes. Text is collected in `out` and `err` and written by the caller at the end (cli_flush()
 * writes earlier), so that a test can look at both.
 */
enum {
	CLI_WORDS_MAX = 512, /* a line of a log, for `explain` */
	CLI_WIDTH_ANY = 100000
};

/* What the command was called with; the bits say in the command table which options it takes. */
enum cli_option {
	OPTION_CONFIG = 1 << 0,
	OPTION_SOCKET = 1 << 1,
	OPTION_JSON = 1 << 2,
	OPTION_PAGE = 1 << 3,	     /* --limit, --offset, --all */
	OPTION_USER = 1 << 4,	     /* --senders, --recipients, --networks */
	OPTION_DER = 1 << 5,	     /* --der */
	OPTION_ACCOUNT = 1 << 6,     /* --account */
	OPTION_BROWSER = 1 << 7,     /* --browser */
	OPTION_SECRET = 1 << 8,	     /* --expires, --forget */
	OPTION_CERTIFICATE = 1 << 9, /* --new, --out */
};

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILURE = 1,
	CLI_USAGE = 2
};

struct cli {
	const char *config_path;
	bool config_given;  /* by -c or the environment, not the default */
	const char *socket; /* NULL: as the configuration says */
	bool json;
	bool all;
	bool der;
	bool browser;
	bool help;
	uint64_t limit; /* 0: the default */
	uint64_t offset;
	const char *account; /* NULL: not given, as the next three */
	const char *senders;
	const char *recipients;
	const char *networks;
	const char *expires; /* of a secret, as written; NULL */
	bool forget;
	bool renew;	     /* --new */
	const char *to_file; /* --out; NULL */
	unsigned used;	     /* enum cli_option of what was written */
	const char *words[CLI_WORDS_MAX];
	size_t word_count;
	/* Output */
	struct strbuf out;
	struct strbuf err;
	bool to_files; /* out and err go to stdout and stderr; else they stay */
	bool terminal; /* stdout is one */
	bool colour;
	size_t width; /* to fit tables into; CLI_WIDTH_ANY where nobody looks at columns */
};

#define CLI_DEFAULT_CONFIG "/etc/oauthrelay/oauthrelay.conf"

/* Strings of argv are kept, not copied. False with err: a usage error. */
bool cli_parse(struct cli *cli, int argc, const char *const *argv, struct err *err) MUST_CHECK;
void cli_init(struct cli *cli);
void cli_done(struct cli *cli);
/* Looks whether stdout is a terminal: colours and width. */
void cli_use_files(struct cli *cli);
/* Writes what is there. False when nobody reads it. */
bool cli_flush(struct cli *cli);
/* "oauthrelay: text" to err; returns CLI_FAILURE. */
int cli_fail(struct cli *cli, const struct err *err);

#endif

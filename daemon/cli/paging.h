/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CLI_PAGING_H
#define OAUTHRELAY_CLI_PAGING_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "cli/cli.h"

/*
 * Long lists that the relay gives in pages: --limit, --offset and --all, as text or JSON (a page as
 * the relay gave it; with --all one object a line). Blocks.
 */
struct paging {
	const char *path;   /* "/v1/queue" */
	const char *member; /* of the answer: the array */
	const char *noun;   /* "messages" */
	const char *empty;  /* what is said where there is nothing at all */
	/* Appends the page's rows, of which there is one at least, to cli->out. */
	void (*append)(struct cli *cli, const cJSON *page, void *arg);
	void *arg;
};

/* Returns enum cli_exit; what went wrong is in cli->err. */
int paging_run(struct cli *cli, const struct paging *p);

#endif

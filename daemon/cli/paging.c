/* SPDX-License-Identifier: MIT */
#include "cli/paging.h"

#include "cli/client.h"
#include "common/json.h"

enum {
	PAGE = 50,
	PAGE_MAX = 200, /* of the relay */
};

/* A page; *count is how many rows are in it. */
static bool get_page(struct cli *cli, const struct paging *p, uint64_t limit, uint64_t offset,
		     cJSON **page, int *count)
{
	struct err err;
	struct strbuf path;
	strbuf_init(&path, 256);
	strbuf_addf(&path, "%s?limit=%llu&offset=%llu", p->path, (unsigned long long)limit,
		    (unsigned long long)offset);
	bool ok = client_get(cli, strbuf_cstr(&path), page, &err);
	strbuf_done(&path);
	if (!ok) {
		cli_fail(cli, &err);
		return false;
	}
	*count = cJSON_GetArraySize(client_get_member(*page, p->member));
	return true;
}

/* One page as text; whole: the others follow. */
static void append_page(struct cli *cli, const struct paging *p, const cJSON *page, int count,
			bool whole)
{
	long long total = client_int(page, "total");
	long long offset = client_int(page, "offset");
	if (total == 0)
		strbuf_addf(&cli->out, "%s\n", p->empty);
	else if (count == 0)
		strbuf_addf(&cli->out, "%lld %s, none from number %lld on.\n", total, p->noun,
			    offset + 1);
	else
		p->append(cli, page, p->arg);
	if (!whole && count != 0 && offset + count < total)
		strbuf_addf(&cli->out, "%d of %lld %s; --offset %lld shows the next, --all all\n",
			    count, total, p->noun, offset + count);
}

static void append_rows(struct cli *cli, const struct paging *p, const cJSON *page)
{
	const cJSON *row;
	for (row = client_first(page, p->member); row != NULL; row = row->next) {
		json_append(&cli->out, row);
		strbuf_addc(&cli->out, '\n');
	}
}

static int list_all(struct cli *cli, const struct paging *p)
{
	cJSON *page;
	int count;
	uint64_t offset = cli->offset;
	do {
		if (!get_page(cli, p, PAGE_MAX, offset, &page, &count))
			return CLI_FAILURE;
		if (cli->json)
			append_rows(cli, p, page);
		else if (count != 0 || offset == cli->offset)
			append_page(cli, p, page, count, true);
		cJSON_Delete(page);
		offset += (uint64_t)count;
		if (!cli_flush(cli))
			return CLI_FAILURE;
	} while (count == PAGE_MAX);
	return CLI_OK;
}

int paging_run(struct cli *cli, const struct paging *p)
{
	cJSON *page;
	int count;
	uint64_t limit = cli->limit != 0 ? cli->limit : PAGE;
	if (cli->all)
		return list_all(cli, p);
	if (limit > PAGE_MAX) {
		strbuf_addf(&cli->err, "oauthrelay: --limit is at most %d; --all prints all\n",
			    PAGE_MAX);
		return CLI_USAGE;
	}
	if (!get_page(cli, p, limit, cli->offset, &page, &count))
		return CLI_FAILURE;
	if (cli->json) {
		json_append(&cli->out, page);
		strbuf_addc(&cli->out, '\n');
	} else {
		append_page(cli, p, page, count, false);
	}
	cJSON_Delete(page);
	return CLI_OK;
}

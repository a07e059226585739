/* SPDX-License-Identifier: MIT */
#include "cli/client.h"
#include "cli/command.h"
#include "common/json.h"
#include "common/quote.h"
#include "config/syntax.h"

/* `device release NAME` */

static void append_answer(struct strbuf *out, const cJSON *answer)
{
	long long released = client_int(answer, "released");
	if (released <= 0)
		strbuf_adds(out, "nothing of ");
	else
		strbuf_addf(out, "%lld message%s of ", released, released == 1 ? "" : "s");
	quote_append_bare(out, str_of(client_str(answer, "device")), 64);
	strbuf_adds(out, released <= 0	 ? " is held\n"
			 : released == 1 ? " is released\n"
					 : " are released\n");
}

int cmd_release(struct cli *cli)
{
	struct err err;
	struct strbuf path;
	cJSON *answer = NULL;
	/* It goes into a path. */
	if (!syntax_is_name(str_of(cli->words[0]))) {
		strbuf_adds(&cli->err, "oauthrelay: a device's name holds only letters, digits and "
				       ". _ -, beginning with a letter or digit\n");
		return CLI_USAGE;
	}
	strbuf_init(&path, 256);
	strbuf_addf(&path, "/v1/devices/%s/release", cli->words[0]);
	bool ok = client_post(cli, strbuf_cstr(&path), NULL, &answer, &err);
	strbuf_done(&path);
	if (!ok)
		return cli_fail(cli, &err);
	if (cli->json) {
		json_append(&cli->out, answer);
		strbuf_addc(&cli->out, '\n');
	} else {
		append_answer(&cli->out, answer);
	}
	cJSON_Delete(answer);
	return CLI_OK;
}

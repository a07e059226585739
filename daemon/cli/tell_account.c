/* SPDX-License-Identifier: MIT */
#include "cli/tell_account.h"

#include <string.h>

#include "cli/client.h"
#include "common/json.h"
#include "common/quote.h"
#include "config/nearest.h"
#include "config/syntax.h"

enum {
	PATH_MAX_BYTES = 256,
	NAME_SHOWN = 64,
};

static bool no_such_account(const struct cli *cli, const cJSON *answer, struct err *err)
{
	struct nearest near;
	struct strbuf name;
	const cJSON *account;
	nearest_begin(&near, str_of(cli->words[0]));
	for (account = client_first(answer, "accounts"); account != NULL; account = account->next)
		nearest_offer(&near, client_str(account, "name"));
	strbuf_init(&name, 4 * NAME_SHOWN + 8);
	quote_append_bare(&name, str_of(cli->words[0]), NAME_SHOWN);
	err_set(err, "there is no account %s%s%s%s", strbuf_cstr(&name),
		near.best != NULL ? "; did you mean " : "", near.best != NULL ? near.best : "",
		near.best != NULL ? "?" : "");
	strbuf_done(&name);
	return false;
}

bool tell_account_can(struct cli *cli, struct err *err)
{
	cJSON *answer = NULL;
	const cJSON *account;
	if (!client_get(cli, "/v1/accounts", &answer, err))
		return false;
	for (account = client_first(answer, "accounts"); account != NULL; account = account->next)
		if (strcmp(client_str(account, "name"), cli->words[0]) == 0)
			break;
	const char *fault = client_str(account, "no_credentials");
	bool ok = account != NULL || no_such_account(cli, answer, err);
	if (ok && fault[0] != '\0')
		ok = err_set(err, "%s", fault);
	cJSON_Delete(answer);
	return ok;
}

bool tell_order(struct cli *cli, const char *what, const cJSON *body, cJSON **answer,
		struct err *remedy, struct err *err)
{
	struct strbuf path;
	/* It goes into a path. */
	if (!syntax_is_name(str_of(cli->words[0])))
		return err_set(err, "an account's name holds only letters, digits and . _ -, "
				    "beginning with a letter or digit");
	strbuf_init(&path, PATH_MAX_BYTES);
	strbuf_addf(&path, "/v1/accounts/%s/%s", cli->words[0], what);
	bool ok = path.overflow ? err_set(err, "an account's name is not that long")
				: client_order(cli, strbuf_cstr(&path), body, answer, remedy, err);
	strbuf_done(&path);
	return ok;
}

int tell_refused(struct cli *cli, const struct err *remedy, const struct err *err)
{
	strbuf_addf(&cli->err, "oauthrelay: nothing has changed: %s\n", err->text);
	if (remedy->text[0] != '\0')
		strbuf_addf(&cli->err, "  To do: %s\n", remedy->text);
	return CLI_FAILURE;
}

void tell_json(struct cli *cli, const cJSON *answer)
{
	json_append(&cli->out, answer);
	strbuf_addc(&cli->out, '\n');
}

void tell_warning(struct cli *cli, const cJSON *answer)
{
	const char *members[][2] = { { "warning", "oauthrelay: warning: " },
				     { "remedy", "  To do: " } };
	if (client_str(answer, "warning")[0] == '\0')
		return;
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const char *text = client_str(answer, members[i][0]);
		if (text[0] == '\0')
			continue;
		strbuf_adds(&cli->err, members[i][1]);
		quote_append_visible(&cli->err, str_of(text), sizeof(((struct err *)0)->text));
		strbuf_addc(&cli->err, '\n');
	}
}

void tell_end(struct strbuf *out, const cJSON *object)
{
	const cJSON *item = client_get_member(object, "ends_in_days");
	int days = cJSON_IsNumber(item) ? item->valueint : 0;
	const char *about = client_is_true(object, "ends_assumed") ? "about " : "";
	const char *ends = client_str(object, "last_day");
	if (days <= 0)
		strbuf_addf(out, "ended on %s%s", about, ends);
	else if (days == 1)
		strbuf_addf(out, "ends on %s%s, within a day", about, ends);
	else
		strbuf_addf(out, "ends on %s%s (in %d days)", about, ends, days);
}

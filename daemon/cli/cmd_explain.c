/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/explain.h"
#include "common/fsx.h"
#include "common/json.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/remedy.h"

/* `explain CODE|TEXT`: from the program's own tables; nothing is contacted. */

enum {
	TEXT_MAX = 64 * 1024,
	LABEL_WIDTH = 12,
	NARROW = 96, /* lines of prose, where nobody looks at columns */
};

/* All words as one text; without any, what stands at stdin. */
static bool take_text(const struct cli *cli, struct strbuf *text, struct err *err)
{
	char chunk[4096];
	ssize_t n;
	for (size_t i = 0; i < cli->word_count; i++)
		strbuf_addf(text, "%s%s", i != 0 ? " " : "", cli->words[i]);
	if (cli->word_count != 0)
		return true;
	if (isatty(STDIN_FILENO) == 1)
		return err_set(err, "what shall be explained? `oauthrelay explain AADSTS7000222`, "
				    "or a line of the log at stdin");
	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		strbuf_add(text, chunk, (size_t)n);
	if (text->overflow)
		return err_set(err, "the text at stdin is longer than %d KiB: give it a part",
			       TEXT_MAX / 1024);
	return true;
}

/* The account that is meant, or the only one there is. NULL, with true: none, and the remedies name
 * nobody. */
static bool find_account(struct cli *cli, struct config **config,
			 const struct account_config **account, struct err *err)
{
	struct err why;
	*account = NULL;
	*config = config_peek(cli->config_path, &why);
	if (*config == NULL) {
		if (cli->account != NULL) {
			*err = why;
			return false;
		}
		if (cli->config_given)
			strbuf_addf(&cli->err, "oauthrelay: %s\n", why.text);
		return true;
	}
	if (cli->account == NULL) {
		*account = (*config)->account_count == 1 ? &(*config)->accounts[0] : NULL;
		return true;
	}
	*account = config_account(*config, cli->account);
	if (*account != NULL)
		return true;
	struct strbuf q;
	strbuf_init(&q, 512);
	quote_append(&q, str_of(cli->account), 64);
	err_set(err, "%s has no account %s", cli->config_path, strbuf_cstr(&q));
	strbuf_done(&q);
	return false;
}

/* ---- text */

static void append_row(struct cli *cli, const char *label, const char *text)
{
	size_t width = cli->width < NARROW ? cli->width : NARROW;
	if (text[0] == '\0')
		return;
	strbuf_addf(&cli->out, "%-*s", LABEL_WIDTH, label);
	strbuf_add_wrapped(&cli->out, str_of(text), LABEL_WIDTH, LABEL_WIDTH, width);
	strbuf_addc(&cli->out, '\n');
}

static void append_names(struct strbuf *out, const struct config *config)
{
	strbuf_adds(out, "--account NAME puts an account's own names into this:");
	for (size_t i = 0; i < config->account_count; i++) {
		strbuf_adds(out, i != 0 ? ", " : " ");
		quote_append_bare(out, str_of(config->accounts[i].name), 64);
	}
}

static void append_text(struct cli *cli, const struct explanation *e, const char *remedy,
			const struct config *config, const struct account_config *account)
{
	struct strbuf line;
	strbuf_init(&line, 8192);
	strbuf_addf(&line, "%s%s%s", e->meaning, e->about[0] != '\0' ? ", about " : "", e->about);
	append_row(cli, "Code", e->code);
	append_row(cli, "Means", strbuf_cstr(&line));
	append_row(cli, "The relay", e->effect);
	if (e->credential)
		append_row(cli, "",
			   "an account that has another secret or certificate goes on "
			   "with that one");
	append_row(cli, "Who", e->fixer);
	append_row(cli, "To do", remedy);
	append_row(cli, "Microsoft", e->link);
	strbuf_reset(&line);
	if (account == NULL && remedy[0] != '\0' && config != NULL && config->account_count > 1) {
		append_names(&line, config);
		append_row(cli, "", strbuf_cstr(&line));
	}
	strbuf_done(&line);
}

static void append_unknown(struct cli *cli, const struct explanation *e, struct str text)
{
	strbuf_adds(&cli->err, "oauthrelay: ");
	if (e->code[0] != '\0')
		strbuf_adds(&cli->err, e->code);
	else
		quote_append(&cli->err, str_trim(text), 200);
	strbuf_adds(&cli->err, e->code[0] != '\0' ? " is not among the codes that are known here"
						  : ": there is no code in it that is known here");
	if (e->guess[0] != '\0')
		strbuf_addf(&cli->err, "; did you mean %s?", e->guess);
	strbuf_addc(&cli->err, '\n');
}

/* ---- JSON */

static cJSON *explanation_json(const struct explanation *e, const char *remedy,
			       const struct account_config *account)
{
	cJSON *json = cJSON_CreateObject();
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{ "code", e->code },	   { "class", e->class },
		{ "meaning", e->meaning }, { "about", e->about },
		{ "relay", e->effect },	   { "who", e->fixer },
		{ "remedy", remedy },	   { "link", e->link },
		{ "guess", e->guess },	   { "account", account != NULL ? account->name : "" },
	};
	cJSON_AddBoolToObject(json, "known", e->known);
	cJSON_AddBoolToObject(json, "credential", e->credential);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].value[0] != '\0')
			json_add_str(json, texts[i].name, str_of(texts[i].value));
		else
			cJSON_AddNullToObject(json, texts[i].name);
	}
	return json;
}

static void explain(struct cli *cli, struct str text, const struct config *config,
		    const struct account_config *account, bool *known)
{
	struct explanation e;
	struct strbuf remedy;
	explain_text(text, account, &e);
	strbuf_init(&remedy, 8192);
	remedy_append(&remedy, e.remedy, account);
	if (cli->json) {
		cJSON *json = explanation_json(&e, strbuf_cstr(&remedy), account);
		json_append(&cli->out, json);
		strbuf_addc(&cli->out, '\n');
		cJSON_Delete(json);
	} else {
		if (!e.known)
			append_unknown(cli, &e, text);
		if (e.code[0] != '\0')
			append_text(cli, &e, strbuf_cstr(&remedy), config, account);
	}
	*known = e.known;
	strbuf_done(&remedy);
}

int cmd_explain(struct cli *cli)
{
	struct err err;
	struct strbuf text;
	struct config *config = NULL;
	const struct account_config *account;
	bool known = false;
	strbuf_init(&text, TEXT_MAX);
	bool ok = take_text(cli, &text, &err) && find_account(cli, &config, &account, &err);
	if (ok)
		explain(cli, strbuf_str(&text), config, account, &known);
	else
		cli_fail(cli, &err);
	config_unref(config);
	strbuf_done(&text);
	return known ? CLI_OK : CLI_FAILURE;
}

/* SPDX-License-Identifier: MIT */
#include "cli/login_keep.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/seal_key.h"
#include "common/state.h"
#include "config/config.h"
#include "oauth/account_record.h"

enum {
	PATH_MAX_BYTES = 512,
	WARNING_MAX = 4096,
};

/* ---- to the running relay */

/* POST /v1/accounts/NAME/login; grant NULL: only asks whether one would be taken. */
static bool hand_over(struct login_keep *keep, const struct token_grant *grant, struct err *err)
{
	char binding[65];
	struct strbuf path;
	struct err remedy;
	cJSON *answer = NULL;
	cJSON *body = cJSON_CreateObject();
	account_record_binding(keep->account, binding);
	cJSON_AddStringToObject(body, "binding", binding);
	if (grant != NULL) {
		int64_t seconds = grant->life_ms / 1000;
		cJSON_AddStringToObject(body, "token_type", "Bearer");
		json_add_str(body, "access_token", secret_reveal(&grant->token));
		if (grant->refresh_token.n != 0)
			json_add_str(body, "refresh_token", secret_reveal(&grant->refresh_token));
		cJSON_AddNumberToObject(body, "expires_in", (double)seconds);
		json_add_str(body, "scope", str_of(grant->scope));
	}
	strbuf_init(&path, PATH_MAX_BYTES);
	strbuf_addf(&path, "/v1/accounts/%s/login", keep->account->name);
	bool ok = client_order(keep->cli, strbuf_cstr(&path), body, &answer, &remedy, err);
	if (!ok && remedy.text[0] != '\0') {
		struct err text = *err;
		err_set(err, "%s; %s", text.text, remedy.text);
	}
	if (ok && grant != NULL)
		strbuf_adds(&keep->warning, client_str(answer, "warning"));
	if (ok && grant == NULL && !json_get_int(answer, "added_credentials", &keep->added_count))
		keep->added_count = 0;
	strbuf_done(&path);
	json_delete_wiped(body);
	cJSON_Delete(answer);
	return ok;
}

/* ---- into the record */

static bool load_key(struct login_keep *keep, struct err *err)
{
	const struct config *config = keep->config;
	if (secret_out_of_reach(str_of(config->seal_key_ref)))
		return err_set(err,
			       "the relay is not running, and only the service itself can have the "
			       "key that seals a sign-in (seal_key = \"%s\"): start the relay "
			       "first, `systemctl start oauthrelay`, then sign in",
			       config->seal_key_ref);
	keep->seal = seal_new();
	if (seal_key_load(keep->seal, config->seal_key_ref, config->state_dir, true, err))
		return true;
	if (geteuid() != 0 && access(config->state_dir, W_OK) != 0)
		err_set(err,
			"the relay is not running, and you may not write to its folder %s. Use "
			"sudo, or start the relay first",
			config->state_dir);
	return false;
}

/* As the relay does with one that it cannot open: another key may turn up. */
static bool put_aside(struct login_keep *keep, const char *name, struct str sealed,
		      const struct err *why, struct err *err)
{
	struct strbuf aside;
	strbuf_init(&aside, PATH_MAX_BYTES);
	strbuf_addf(&aside, "%s.refused", name);
	bool ok = state_file_write(keep->config->state_dir, strbuf_cstr(&aside), sealed, err);
	strbuf_addf(&keep->warning,
		    "what was stored for account %s before cannot be opened (%s), and is kept as "
		    "%s/%s: if a secret or certificate was added by `oauthrelay account`, add it "
		    "again",
		    keep->account->name, why->text, keep->config->state_dir, strbuf_cstr(&aside));
	strbuf_done(&aside);
	return ok;
}

/* What the record has beside the sign-in stays. */
static bool read_record(struct login_keep *keep, const char *name, struct account_record *record,
			struct err *err)
{
	struct secret sealed = { NULL, 0 };
	struct err why;
	bool found;
	if (!state_file_read(keep->config->state_dir, name, &sealed, &found, err))
		return false;
	bool ok = true;
	if (found && account_record_open(record, keep->account->name, keep->seal,
					 secret_reveal(&sealed), &why) != SEAL_OK) {
		account_record_done(record);
		ok = put_aside(keep, name, secret_reveal(&sealed), &why, err);
	}
	secret_done(&sealed);
	return ok;
}

static void fill_record(const struct login_keep *keep, const struct token_grant *grant,
			struct account_record *record)
{
	int64_t now_ms = clock_wall_ms();
	account_record_binding(keep->account, record->binding);
	secret_set(&record->access_token, secret_reveal(&grant->token));
	record->access_got_ms = now_ms;
	record->access_ends_ms = now_ms + grant->life_ms;
	secret_done(&record->refresh_token);
	if (grant->refresh_token.n != 0)
		secret_set(&record->refresh_token, secret_reveal(&grant->refresh_token));
	record->refresh_used_ms = now_ms;
	record->signed_in_ms = now_ms;
}

static bool write_record(struct login_keep *keep, const char *name, const struct token_grant *grant,
			 struct err *err)
{
	static const struct account_record none;
	struct account_record record = none;
	struct strbuf sealed;
	strbuf_init(&sealed, STATE_VALUE_MAX);
	bool ok = read_record(keep, name, &record, err);
	if (ok) {
		fill_record(keep, grant, &record);
		ok = account_record_close(&record, keep->account->name, keep->seal, &sealed, err) &&
		     state_file_write(keep->config->state_dir, name, strbuf_str(&sealed), err);
	}
	account_record_done(&record);
	strbuf_done(&sealed);
	return ok;
}

static bool keep_in_file(struct login_keep *keep, const struct token_grant *grant, struct err *err)
{
	struct strbuf name;
	int lock;
	strbuf_init(&name, PATH_MAX_BYTES);
	account_record_name(&name, keep->account->name);
	bool ok = state_file_lock(keep->config->state_dir, strbuf_cstr(&name), &lock, err);
	if (ok) {
		ok = write_record(keep, strbuf_cstr(&name), grant, err);
		close(lock);
	}
	strbuf_done(&name);
	return ok;
}

/* ---- what commands have added, for it may have to be shown ---- */

static void take_added(struct login_keep *keep, const struct account_record *record)
{
	char binding[65];
	account_record_added_binding(keep->account, binding);
	if (strcmp(record->added_binding, binding) == 0)
		credential_list_copy(&keep->added, &record->added);
}

static bool open_record(const struct login_keep *keep, const struct seal *seal,
			struct account_record *record, struct err *err)
{
	struct secret sealed = { NULL, 0 };
	struct strbuf name;
	bool found = false;
	strbuf_init(&name, PATH_MAX_BYTES);
	account_record_name(&name, keep->account->name);
	bool ok =
		state_file_read(keep->config->state_dir, strbuf_cstr(&name), &sealed, &found, err);
	if (ok && found)
		ok = account_record_open(record, keep->account->name, seal, secret_reveal(&sealed),
					 err) == SEAL_OK;
	secret_done(&sealed);
	strbuf_done(&name);
	return ok;
}

/* The relay may be the only one who can read them; then that is to be told. */
static void find_added(struct login_keep *keep)
{
	static const struct account_record none;
	struct account_record record = none;
	struct err err;
	struct seal *own = NULL;
	bool ok = true;
	if (keep->account->credential_count == 0 || (keep->running && keep->added_count == 0))
		return;
	if (keep->seal == NULL) {
		own = seal_new();
		ok = seal_key_load(own, keep->config->seal_key_ref, keep->config->state_dir, false,
				   &err);
	}
	ok = ok && open_record(keep, own != NULL ? own : keep->seal, &record, &err);
	if (ok)
		take_added(keep, &record);
	else if (keep->running)
		keep->unread = err;
	account_record_done(&record);
	seal_free(own);
}

/* ---- */

bool login_keep_begin(struct login_keep *keep, struct cli *cli, const struct config *config,
		      const struct account_config *account, struct err *err)
{
	*keep = (struct login_keep){ .cli = cli, .config = config, .account = account };
	strbuf_init(&keep->warning, WARNING_MAX);
	if (!client_is_running(cli, &keep->running, err))
		return false;
	if (keep->running ? !hand_over(keep, NULL, err) : !load_key(keep, err))
		return false;
	find_added(keep);
	return true;
}

/* A relay that starts while we write opens its control socket before it reads the record. So if
 * nobody answers behind the writing, what was written will be read; and if somebody does, he may
 * have read what was there before, and is told. */
bool login_keep_store(struct login_keep *keep, const struct token_grant *grant, struct err *err)
{
	bool was_running = keep->running;
	/* The relay refuses it, too; and one that is to last may be stored already. */
	if (grant->refresh_token.n == 0)
		return err_set(err,
			       "it has brought no refresh token; what was stored before stays");
	if (!client_is_running(keep->cli, &keep->running, err))
		return false;
	if (!keep->running) {
		if (was_running && !load_key(keep, err))
			return false;
		if (!keep_in_file(keep, grant, err) ||
		    !client_is_running(keep->cli, &keep->running, err))
			return false;
	}
	return !keep->running || hand_over(keep, grant, err);
}

void login_keep_done(struct login_keep *keep)
{
	seal_free(keep->seal);
	credential_list_done(&keep->added);
	strbuf_done(&keep->warning);
}

/* SPDX-License-Identifier: MIT */
#include <crypt.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask_password.h"
#include "cli/command.h"
#include "cli/table.h"
#include "common/fsx.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/config.h"
#include "config/users.h"
#include "config/users_edit.h"

#define SERVICE_GROUP "oauthrelay"

enum {
	GROUP_MAX = 16 * 1024,
	PASSWORD_SHORT = 8
};

/* The users file while it is edited, locked against others who do the same. */
struct editing {
	struct config *config;
	int lock;   /* -1: it is not */
	char *path; /* of the file itself, behind symbolic links */
	struct strbuf before;
	struct strbuf after;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* --- the file ------------------------------------------------------------------------------ */

/* Where root edits, and the relay runs as somebody else: whose folder it is. */
static void take_owner_of_folder(struct editing *e)
{
	struct stat st;
	struct str path = str_of(e->path);
	while (path.n > 1 && path.p[path.n - 1] != '/')
		path.n--;
	char *folder = str_dup(path);
	if (stat(folder, &st) == 0) {
		e->uid = st.st_uid;
		e->gid = st.st_gid;
	}
	free(folder);
}

/* A new one can be read by root and the service, as secrets can; else by who owns the folder, or by
 * us alone. */
static void choose_owner(struct editing *e)
{
	struct group entry;
	struct group *found = NULL;
	char *room = mem_alloc(GROUP_MAX);
	e->mode = 0600;
	e->uid = geteuid();
	e->gid = getegid();
	if (e->uid == 0 && getgrnam_r(SERVICE_GROUP, &entry, room, GROUP_MAX, &found) == 0 &&
	    found != NULL) {
		e->mode = 0640;
		e->gid = found->gr_gid;
	} else if (e->uid == 0) {
		take_owner_of_folder(e);
	}
	free(room);
}

/* Nobody's time to type a password is time that others have to wait. */
static void editing_pause(struct editing *e)
{
	if (e->lock >= 0)
		close(e->lock);
	e->lock = -1;
	free(e->path);
	e->path = NULL;
	strbuf_reset(&e->before);
}

static bool editing_read(struct editing *e, struct err *err)
{
	struct stat st;
	e->path = realpath(e->config->users_file, NULL);
	if (e->path == NULL && errno != ENOENT)
		return err_errno(err, errno, "%s", e->config->users_file);
	bool is_new = e->path == NULL;
	if (is_new)
		e->path = mem_strdup(e->config->users_file);
	if (!fsx_lock_folder_of(e->path, &e->lock, err))
		return false;
	/* Others may have made it while we waited. */
	if (stat(e->path, &st) != 0) {
		if (!is_new || errno != ENOENT)
			return err_errno(err, errno, "%s", e->path);
		choose_owner(e);
		return true;
	}
	e->mode = st.st_mode & 07777;
	e->uid = st.st_uid;
	e->gid = st.st_gid;
	return fsx_read_file(e->path, &e->before, err);
}

static bool editing_begin(struct editing *e, const char *config_path, struct err *err)
{
	*e = (struct editing){ .config = config_peek(config_path, err), .lock = -1 };
	strbuf_init(&e->before, USERS_FILE_MAX);
	strbuf_init(&e->after, USERS_FILE_MAX);
	return e->config != NULL && editing_read(e, err);
}

static bool editing_save(const struct editing *e, struct err *err)
{
	if (e->after.overflow)
		return err_set(err, "%s would be larger than %d bytes", e->path,
			       (int)USERS_FILE_MAX);
	return fsx_replace_owned(e->path, strbuf_str(&e->after), e->mode, e->uid, e->gid, err);
}

static void editing_done(struct editing *e)
{
	editing_pause(e);
	config_unref(e->config);
	strbuf_done(&e->before);
	strbuf_done(&e->after);
}

/* --- what is told -------------------------------------------------------------------------- */

/* What was done, and what the configuration as a whole says about it now. */
static void tell(struct cli *cli, const struct editing *e, const char *done)
{
	struct config_report report;
	strbuf_addf(&cli->out, "user %s %s in %s\n", cli->words[0], done, e->path);
	strbuf_adds(&cli->out, "A running relay takes it up by itself within seconds; `systemctl "
			       "reload oauthrelay` makes it so at once.\n");
	config_report_init(&report);
	config_unref(config_load_by_hand(cli->config_path, &report));
	if (report.error_count != 0)
		strbuf_addf(&cli->err, "warning: with this, `oauthrelay config check` says:\n%s",
			    strbuf_cstr(&report.errors));
	config_report_done(&report);
}

static int finish(struct cli *cli, struct editing *e, bool ok, const char *done, struct err *err)
{
	int status = CLI_OK;
	if (ok)
		ok = editing_save(e, err);
	if (ok)
		tell(cli, e, done);
	else
		status = cli_fail(cli, err);
	editing_done(e);
	return status;
}

/* --- passwords ----------------------------------------------------------------------------- */

static bool has_stray_word(struct cli *cli)
{
	if (cli->word_count == 1)
		return false;
	/* Not repeated: it may be the password. */
	strbuf_adds(&cli->err,
		    "oauthrelay: one NAME only. A password is never an argument, where everybody "
		    "on the machine could read it: it is asked for, or read from stdin\n");
	return true;
}

/* The hash as it stands in the file; the caller frees. NULL with err. */
static char *hash_of(const struct secret *password, struct err *err)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data = mem_zalloc(sizeof(*data));
	char *text = str_dup(secret_reveal(password));
	const char *hash = NULL;
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) != NULL)
		hash = crypt_rn(text, setting, data, (int)sizeof(*data));
	char *copy = hash != NULL ? mem_strdup(hash) : NULL;
	if (copy == NULL)
		err_errno(err, errno, "the password cannot be hashed");
	secret_wipe(text, password->n);
	secret_wipe(data, sizeof(*data));
	free(text);
	free(data);
	return copy;
}

/* A new password's hash; the caller frees. NULL with err. The file is read anew behind it. */
static char *ask_hash(struct cli *cli, struct editing *e, struct err *err)
{
	struct secret password = { NULL, 0 };
	char *hash = NULL;
	editing_pause(e);
	if (ask_password(STDIN_FILENO, STDERR_FILENO, cli->words[0], &password, err)) {
		if (password.n < PASSWORD_SHORT)
			strbuf_addf(&cli->err,
				    "warning: a password of less than %d characters is soon "
				    "guessed; --networks can limit where it counts\n",
				    (int)PASSWORD_SHORT);
		hash = hash_of(&password, err);
	}
	secret_done(&password);
	if (hash == NULL || editing_read(e, err))
		return hash;
	free(hash);
	return NULL;
}

/* --- the commands -------------------------------------------------------------------------- */

/* What can be told before a password is asked for. */
static bool may_add(const struct editing *e, const struct users_line *line, struct err *err)
{
	struct strbuf trial;
	if (line->account != NULL && config_account(e->config, line->account) == NULL)
		return err_set(err, "there is no account \"%s\" in %s", line->account,
			       e->config->path);
	strbuf_init(&trial, 2 * (size_t)USERS_FILE_MAX);
	bool ok = users_edit_add(&trial, strbuf_str(&e->before), line, err);
	strbuf_done(&trial);
	return ok;
}

int cmd_user_add(struct cli *cli)
{
	struct editing e;
	struct err err;
	struct users_line line = {
		.name = cli->words[0],
		.hash = "$y$j9T$0000000000000000", /* for may_add() */
		.account = cli->account,
		.senders = cli->senders,
		.recipients = cli->recipients,
		.networks = cli->networks,
	};
	if (has_stray_word(cli))
		return CLI_USAGE;
	char *hash = NULL;
	bool ok = editing_begin(&e, cli->config_path, &err) && may_add(&e, &line, &err) &&
		  (hash = ask_hash(cli, &e, &err)) != NULL;
	line.hash = hash;
	ok = ok && users_edit_add(&e.after, strbuf_str(&e.before), &line, &err);
	free(hash);
	return finish(cli, &e, ok, "added", &err);
}

int cmd_user_passwd(struct cli *cli)
{
	struct editing e;
	struct err err;
	struct str name = str_of(cli->words[0]);
	if (has_stray_word(cli))
		return CLI_USAGE;
	char *hash = NULL;
	/* A name that is not there is told before a password is asked for. */
	bool ok = editing_begin(&e, cli->config_path, &err) &&
		  users_edit_remove(&e.after, strbuf_str(&e.before), name, &err) &&
		  (hash = ask_hash(cli, &e, &err)) != NULL;
	strbuf_reset(&e.after);
	ok = ok && users_edit_passwd(&e.after, strbuf_str(&e.before), name, str_of(hash), &err);
	free(hash);
	return finish(cli, &e, ok, "has a new password", &err);
}

int cmd_user_remove(struct cli *cli)
{
	struct editing e;
	struct err err;
	bool ok = editing_begin(&e, cli->config_path, &err) &&
		  users_edit_remove(&e.after, strbuf_str(&e.before), str_of(cli->words[0]), &err);
	return finish(cli, &e, ok, "removed", &err);
}

/* --- list ---------------------------------------------------------------------------------- */

static void append_networks(struct strbuf *out, const struct user *user)
{
	for (size_t i = 0; i < user->network_count; i++) {
		strbuf_adds(out, i != 0 ? "," : "");
		network_append(out, &user->networks[i]);
	}
}

static void append_patterns(struct strbuf *out, const struct config_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(out, "%s%s", i != 0 ? "," : "", list->v[i]);
}

static void print_table(struct cli *cli, const struct users *users)
{
	static const struct table_column columns[] = { { .title = "NAME", .flexible = true },
						       { .title = "ACCOUNT" },
						       { .title = "SENDERS", .flexible = true },
						       { .title = "RECIPIENTS", .flexible = true },
						       { .title = "NETWORKS", .flexible = true } };
	struct table table;
	table_init(&table, columns, ARRAY_LEN(columns));
	for (size_t i = 0; i < users_count(users); i++) {
		const struct user *user = users_at(users, i);
		struct strbuf senders, recipients, networks;
		strbuf_init(&senders, USERS_FILE_MAX);
		strbuf_init(&recipients, USERS_FILE_MAX);
		strbuf_init(&networks, USERS_FILE_MAX);
		append_patterns(&senders, &user->senders);
		append_patterns(&recipients, &user->recipients);
		append_networks(&networks, user);
		const char *cells[] = { user->name, user->account, strbuf_cstr(&senders),
					strbuf_cstr(&recipients), strbuf_cstr(&networks) };
		table_row(&table, cells);
		strbuf_done(&senders);
		strbuf_done(&recipients);
		strbuf_done(&networks);
	}
	table_append(&cli->out, &table, cli->width, cli->colour);
	table_done(&table);
}

static void add_patterns(cJSON *object, const char *name, const struct config_strings *list)
{
	cJSON *array = cJSON_AddArrayToObject(object, name);
	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list->v[i]));
}

static cJSON *user_json(const struct user *user)
{
	cJSON *json = cJSON_CreateObject();
	add_patterns(json, "senders", &user->senders);
	add_patterns(json, "recipients", &user->recipients);
	cJSON *networks = cJSON_AddArrayToObject(json, "networks");
	cJSON_AddStringToObject(json, "name", user->name);
	if (user->account != NULL)
		cJSON_AddStringToObject(json, "account", user->account);
	else
		cJSON_AddNullToObject(json, "account");
	for (size_t i = 0; i < user->network_count; i++) {
		struct strbuf text;
		strbuf_init(&text, 128);
		network_append(&text, &user->networks[i]);
		cJSON_AddItemToArray(networks, cJSON_CreateString(strbuf_cstr(&text)));
		strbuf_done(&text);
	}
	return json;
}

static void print_json_list(struct cli *cli, const struct config *config, const struct users *users)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "file", config->users_file);
	cJSON *list = cJSON_AddArrayToObject(json, "users");
	for (size_t i = 0; i < users_count(users); i++)
		cJSON_AddItemToArray(list, user_json(users_at(users, i)));
	json_append(&cli->out, json);
	strbuf_addc(&cli->out, '\n');
	cJSON_Delete(json);
}

int cmd_user_list(struct cli *cli)
{
	struct err err;
	struct config *config = config_peek(cli->config_path, &err);
	struct users *users = config != NULL ? users_load(config, &err) : NULL;
	int status = CLI_OK;
	if (users == NULL)
		status = cli_fail(cli, &err);
	else if (cli->json)
		print_json_list(cli, config, users);
	else if (users_count(users) == 0)
		strbuf_addf(&cli->out, "%s names nobody; `oauthrelay user add NAME` adds one\n",
			    config->users_file);
	else
		print_table(cli, users);
	users_unref(users);
	config_unref(config);
	return status;
}

/* SPDX-License-Identifier: MIT */
#include "config/users.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/nearest.h"
#include "config/syntax.h"

struct users {
	unsigned refs;
	struct user *v;
	size_t n;
};

/* --- one line ------------------------------------------------------------------------------ */

/* Calls take for each part of "a,b,c". */
static bool each_part(struct str list, struct user *user,
		      bool (*take)(struct user *user, struct str part, struct err *err),
		      struct err *err)
{
	while (true) {
		ptrdiff_t comma = str_chr(list, ',');
		struct str part = comma >= 0 ? str_head(list, (size_t)comma) : list;
		if (!take(user, part, err))
			return false;
		if (comma < 0)
			return true;
		list = str_skip(list, part.n + 1);
	}
}

static bool bad_value(struct err *err, const char *option, struct str value, const char *why)
{
	struct strbuf q;
	strbuf_init(&q, 512);
	quote_append(&q, value, 80);
	err_set(err, "%s: %s %s", option, strbuf_cstr(&q), why);
	strbuf_done(&q);
	return false;
}

static bool take_account(struct user *user, struct str value, struct err *err)
{
	if (!syntax_is_name(value))
		return bad_value(err, "account", value, "is no account's name");
	user->account = str_dup(value);
	return true;
}

static bool add_pattern(struct config_strings *list, const char *option, struct str part,
			struct err *err)
{
	if (!syntax_is_pattern(part))
		return bad_value(err, option, part,
				 "must be an address (a@b.c), a domain (b.c) or its subdomains "
				 "(*.b.c)");
	list->v = mem_realloc_array(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = str_dup(part);
	return true;
}

static bool take_sender(struct user *user, struct str part, struct err *err)
{
	return add_pattern(&user->senders, "senders", part, err);
}

static bool take_recipient(struct user *user, struct str part, struct err *err)
{
	return add_pattern(&user->recipients, "recipients", part, err);
}

static bool take_network(struct user *user, struct str part, struct err *err)
{
	struct network network;
	if (!network_parse(part, &network, err))
		return err_prefix(err, "networks");
	user->networks =
		mem_realloc_array(user->networks, user->network_count + 1, sizeof(*user->networks));
	user->networks[user->network_count++] = network;
	return true;
}

static bool take_senders(struct user *user, struct str value, struct err *err)
{
	return each_part(value, user, take_sender, err);
}

static bool take_recipients(struct user *user, struct str value, struct err *err)
{
	return each_part(value, user, take_recipient, err);
}

static bool take_networks(struct user *user, struct str value, struct err *err)
{
	return each_part(value, user, take_network, err);
}

static const struct user_option {
	const char *name;
	bool (*take)(struct user *user, struct str value, struct err *err);
} user_options[] = {
	{ "account", take_account },
	{ "senders", take_senders },
	{ "recipients", take_recipients },
	{ "networks", take_networks },
};

static bool unknown_option(struct str name, struct err *err)
{
	struct nearest near;
	struct strbuf q;
	nearest_begin(&near, name);
	for (size_t i = 0; i < ARRAY_LEN(user_options); i++)
		nearest_offer(&near, user_options[i].name);
	strbuf_init(&q, 512);
	quote_append(&q, name, 64);
	err_set(err, "there is no option %s; %s%s%s", strbuf_cstr(&q),
		near.best != NULL ? "did you mean \""
				  : "a user has account, senders, recipients, networks",
		near.best != NULL ? near.best : "", near.best != NULL ? "\"?" : "");
	strbuf_done(&q);
	return false;
}

/* "account=scanner senders=a@b.c" */
static bool take_options(struct user *user, struct str text, struct err *err)
{
	unsigned seen = 0;
	struct str word;
	while ((word = str_word(&text)).n != 0) {
		ptrdiff_t equals = str_chr(word, '=');
		struct str name = equals >= 0 ? str_head(word, (size_t)equals) : word;
		size_t i = 0;
		while (i < ARRAY_LEN(user_options) && !str_eq(name, str_of(user_options[i].name)))
			i++;
		if (i == ARRAY_LEN(user_options))
			return unknown_option(name, err);
		if (equals < 0 || word.n == name.n + 1)
			return err_set(err, "%s: write %s=VALUE, without blanks",
				       user_options[i].name, user_options[i].name);
		if ((seen & 1u << i) != 0)
			return err_set(err, "%s is there twice", user_options[i].name);
		seen |= 1u << i;
		if (!user_options[i].take(user, str_skip(word, name.n + 1), err))
			return false;
	}
	return true;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

bool user_name_check(struct str name, struct err *err)
{
	struct str trimmed = str_trim(name);
	if (name.n == 0)
		return err_set(err, "the name is missing");
	if (name.n > USERS_NAME_MAX)
		return err_set(err, "the name is longer than %d bytes", (int)USERS_NAME_MAX);
	if (trimmed.n != name.n)
		return err_set(err, "a name neither begins nor ends with a blank");
	if (name.p[0] == '#' || str_chr(name, ':') >= 0)
		return err_set(err, "a name has no colon in it and no # in front");
	for (size_t i = 0; i < name.n; i++)
		if (is_control(name.p[i]))
			return err_set(err, "the name has a control character");
	return true;
}

static bool take_line(struct user *user, struct str line, struct err *err)
{
	ptrdiff_t colon = str_chr(line, ':');
	for (size_t i = 0; i < line.n; i++)
		if (is_control(line.p[i]) && line.p[i] != '\t')
			return err_set(err, "the line has a control character");
	if (colon < 1)
		return err_set(err, "write it as name:hash, or name:hash:options");
	struct str name = str_trim(str_head(line, (size_t)colon));
	struct str rest = str_skip(line, (size_t)colon + 1);
	ptrdiff_t end = str_chr(rest, ':');
	struct str hash = str_trim(end >= 0 ? str_head(rest, (size_t)end) : rest);
	if (!user_name_check(name, err))
		return false;
	user->name = str_dup(name);
	user->hash = str_dup(hash);
	int salt = crypt_checksalt(user->hash);
	if (salt == CRYPT_SALT_INVALID || salt == CRYPT_SALT_METHOD_DISABLED || hash.n < 13)
		return err_set(err, "this is no crypt(3) hash; `oauthrelay user passwd` makes one");
	return end < 0 || take_options(user, str_skip(rest, (size_t)end + 1), err);
}

static void patterns_done(struct config_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
}

static void user_done(struct user *user)
{
	free(user->name);
	free(user->hash);
	free(user->account);
	patterns_done(&user->senders);
	patterns_done(&user->recipients);
	free(user->networks);
}

bool user_line_check(struct str line, struct err *err)
{
	struct user user = { .line = 0 };
	bool ok = take_line(&user, line, err);
	user_done(&user);
	return ok;
}

/* --- the file ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static bool error_twice(const struct user *a, const struct user *b, const char *file,
			struct err *err)
{
	struct strbuf name;
	strbuf_init(&name, 4 * USERS_NAME_MAX + 16);
	quote_append_bare(&name, str_of(a->name), USERS_NAME_MAX);
	err_set(err, "%s:%u: the user %s is in line %u already", file,
		a->line > b->line ? a->line : b->line, strbuf_cstr(&name),
		a->line > b->line ? b->line : a->line);
	strbuf_done(&name);
	return false;
}

/* For users_find(). */
static bool sort(struct users *users, const char *file, struct err *err)
{
	if (users->n != 0)
		qsort(users->v, users->n, sizeof(*users->v), compare);
	for (size_t i = 1; i < users->n; i++) {
		const struct user *a = &users->v[i - 1], *b = &users->v[i];
		if (strcmp(a->name, b->name) == 0)
			return error_twice(a, b, file, err);
	}
	return true;
}

static struct users *new_users(void)
{
	struct users *users = mem_zalloc(sizeof(*users));
	users->refs = 1;
	return users;
}

struct users *users_parse(struct str text, const char *file, struct err *err)
{
	struct users *users = new_users();
	for (unsigned number = 1; text.n != 0; number++) {
		struct user user = { .line = number };
		ptrdiff_t end = str_chr(text, '\n');
		struct str line = end >= 0 ? str_head(text, (size_t)end) : text;
		text = str_skip(text, line.n + 1);
		if (line.n != 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!take_line(&user, line, err)) {
			user_done(&user);
			err_prefix(err, "%s:%u", file, number);
			users_unref(users);
			return NULL;
		}
		users->v = mem_realloc_array(users->v, users->n + 1, sizeof(*users->v));
		users->v[users->n++] = user;
	}
	if (sort(users, file, err))
		return users;
	users_unref(users);
	return NULL;
}

bool users_check(const struct users *users, const struct config *config, const char *file,
		 struct err *err)
{
	for (size_t i = 0; i < users->n; i++) {
		const struct user *user = &users->v[i];
		if (user->account != NULL && config_account(config, user->account) == NULL)
			return err_set(err, "%s:%u: there is no account \"%s\" in %s", file,
				       user->line, user->account, config->path);
	}
	return true;
}

struct users *users_load(const struct config *config, struct err *err)
{
	const char *path = config->users_file;
	struct strbuf text;
	struct stat st;
	if (stat(path, &st) != 0 && errno == ENOENT)
		return new_users();
	strbuf_init(&text, USERS_FILE_MAX);
	struct users *users = NULL;
	if (fsx_read_file(path, &text, err))
		users = users_parse(strbuf_str(&text), path, err);
	strbuf_done(&text);
	if (users == NULL || users_check(users, config, path, err))
		return users;
	users_unref(users);
	return NULL;
}

struct users *users_ref(struct users *users)
{
	users->refs++;
	return users;
}

void users_unref(struct users *users)
{
	if (users == NULL || --users->refs != 0)
		return;
	for (size_t i = 0; i < users->n; i++)
		user_done(&users->v[i]);
	free(users->v);
	free(users);
}

/* --- questions ----------------------------------------------------------------------------- */

size_t users_count(const struct users *users)
{
	return users->n;
}

const struct user *users_at(const struct users *users, size_t index)
{
	return &users->v[index];
}

const struct user *users_find(const struct users *users, struct str name)
{
	size_t low = 0, high = users->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct user *user = &users->v[middle];
		size_t n = strlen(user->name);
		int order = memcmp(user->name, name.p, n < name.n ? n : name.n);
		if (order == 0 && n == name.n)
			return user;
		if (order < 0 || (order == 0 && n < name.n))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct user *users_without_account(const struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->v[i].account == NULL)
			return &users->v[i];
	return NULL;
}

bool user_admits(const struct user *user, const struct netaddr *addr)
{
	for (size_t i = 0; i < user->network_count; i++)
		if (network_contains(&user->networks[i], addr))
			return true;
	return user->network_count == 0;
}

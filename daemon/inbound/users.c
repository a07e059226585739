/* SPDX-License-Identifier: MIT */
#include "inbound/users.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fsx.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"
#include "common/worker.h"

enum {
	USERS_FILE_MAX = 1024 * 1024
};

/* What an unknown name is checked against where there is no user to take the hash's cost from:
 * yescrypt as Debian's passwd sets it. No password is known for it. */
static const char nobody[] = "$y$j9T$9HcMyDYZQ2Xq0NQ1oFvA8/$"
			     "0000000000000000000000000000000000000000000";

struct user {
	char *name;
	char *hash;
};

struct users {
	struct user *v;
	size_t n;
};

struct users_check {
	struct job job;
	struct secret password;
	char *hash;
	bool known;
	bool ok;
	users_cb *cb; /* NULL: cancelled */
	void *arg;
};

static int compare(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static const struct user *find(const struct users *users, struct str name)
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

static bool parse_line(struct users *users, struct str line, struct err *err)
{
	ptrdiff_t colon = str_chr(line, ':');
	if (colon < 1)
		return err_set(err, "write it as name:hash");
	struct str name = str_trim(str_head(line, (size_t)colon));
	struct str hash = str_trim(str_skip(line, (size_t)colon + 1));
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f)
			return err_set(err, "the line has a control character");
	if (name.n == 0)
		return err_set(err, "the name is missing");
	struct user user = { str_dup(name), str_dup(hash) };
	int salt = crypt_checksalt(user.hash);
	if (salt == CRYPT_SALT_INVALID || salt == CRYPT_SALT_METHOD_DISABLED || hash.n < 13) {
		free(user.name);
		free(user.hash);
		return err_set(err, "this is no crypt(3) hash; `mkpasswd` makes one");
	}
	users->v = mem_realloc_array(users->v, users->n + 1, sizeof(*users->v));
	users->v[users->n++] = user;
	return true;
}

/* Sorted, for find(). */
static bool sort(struct users *users, const char *file, struct err *err)
{
	if (users->n != 0)
		qsort(users->v, users->n, sizeof(*users->v), compare);
	for (size_t i = 1; i < users->n; i++)
		if (strcmp(users->v[i - 1].name, users->v[i].name) == 0)
			return err_set(err, "%s: the user %s is there twice", file,
				       users->v[i].name);
	return true;
}

struct users *users_parse(struct str text, const char *file, struct err *err)
{
	struct users *users = mem_zalloc(sizeof(*users));
	for (unsigned number = 1; text.n != 0; number++) {
		ptrdiff_t end = str_chr(text, '\n');
		struct str line = end >= 0 ? str_head(text, (size_t)end) : text;
		text = str_skip(text, line.n + 1);
		if (line.n != 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!parse_line(users, line, err)) {
			err_prefix(err, "%s:%u", file, number);
			users_free(users);
			return NULL;
		}
	}
	if (sort(users, file, err))
		return users;
	users_free(users);
	return NULL;
}

struct users *users_load(const char *path, struct err *err)
{
	struct strbuf text;
	struct stat st;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			return mem_zalloc(sizeof(struct users));
		err_errno(err, errno, "%s", path);
		return NULL;
	}
	if ((st.st_mode & S_IROTH) != 0)
		log_warning("users-file-readable", lf_str("file", path),
			    lf_str("remedy", "chmod o-rwx, so that nobody can try passwords"));
	strbuf_init(&text, USERS_FILE_MAX);
	struct users *users = NULL;
	if (fsx_read_file(path, &text, err))
		users = users_parse(strbuf_str(&text), path, err);
	strbuf_done(&text);
	return users;
}

void users_free(struct users *users)
{
	if (users == NULL)
		return;
	for (size_t i = 0; i < users->n; i++) {
		free(users->v[i].name);
		free(users->v[i].hash);
	}
	free(users->v);
	free(users);
}

size_t users_count(const struct users *users)
{
	return users->n;
}

static void check_free(struct users_check *check)
{
	secret_done(&check->password);
	free(check->hash);
	free(check);
}

/* On a thread of the lane. */
static void check_run(struct job *job)
{
	struct users_check *check = (struct users_check *)(void *)job;
	struct str password = secret_reveal(&check->password);
	struct crypt_data *data = mem_zalloc(sizeof(*data));
	char *text = str_dup(password);
	const char *hash = crypt_r(text, check->hash, data);
	size_t n = strlen(check->hash);
	check->ok = hash != NULL && hash[0] != '*' && strlen(hash) == n &&
		    CRYPTO_memcmp(hash, check->hash, n) == 0 && check->known;
	secret_wipe(text, password.n);
	free(text);
	secret_wipe(data, sizeof(*data));
	free(data);
}

static void check_finished(struct job *job)
{
	struct users_check *check = (struct users_check *)(void *)job;
	if (check->cb != NULL)
		check->cb(check->arg, check->ok);
	check_free(check);
}

struct users_check *users_verify(const struct users *users, struct worker *worker, struct str name,
				 struct str password, users_cb *cb, void *arg)
{
	const struct user *user = find(users, name);
	struct users_check *check = mem_zalloc(sizeof(*check));
	check->job.run = check_run;
	check->job.done = check_finished;
	check->known = user != NULL;
	if (user != NULL)
		check->hash = mem_strdup(user->hash);
	else
		check->hash = mem_strdup(users->n != 0 ? users->v[0].hash : nobody);
	/* What a C string cannot hold is nobody's password. */
	if (str_chr(password, '\0') >= 0)
		check->known = false;
	secret_set(&check->password, password);
	check->cb = cb;
	check->arg = arg;
	if (worker_try_submit(worker, LANE_CRYPTO, &check->job))
		return check;
	check_free(check);
	return NULL;
}

void users_cancel(struct users_check *check)
{
	if (check != NULL)
		check->cb = NULL;
}

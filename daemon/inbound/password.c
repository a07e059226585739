/* SPDX-License-Identifier: MIT */
#include "inbound/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/worker.h"

/* What an unknown name is checked against where there is no user to take the hash's cost from:
 * yescrypt as Debian's passwd sets it. No password is known for it. */
static const char nobody[] = "$y$j9T$9HcMyDYZQ2Xq0NQ1oFvA8/$"
			     "0000000000000000000000000000000000000000000";

struct password_check {
	struct job job;
	struct secret password;
	char *hash;
	bool known;
	bool right;
	password_cb *cb; /* NULL: cancelled */
	void *arg;
};

static void check_free(struct password_check *check)
{
	secret_done(&check->password);
	free(check->hash);
	free(check);
}

/* On a thread of the lane. */
static void check_run(struct job *job)
{
	struct password_check *check = (struct password_check *)(void *)job;
	struct str password = secret_reveal(&check->password);
	struct crypt_data *data = mem_zalloc(sizeof(*data));
	char *text = str_dup(password);
	const char *hash = crypt_r(text, check->hash, data);
	size_t n = strlen(check->hash);
	check->right = hash != NULL && hash[0] != '*' && strlen(hash) == n &&
		       CRYPTO_memcmp(hash, check->hash, n) == 0 && check->known;
	secret_wipe(text, password.n);
	free(text);
	secret_wipe(data, sizeof(*data));
	free(data);
}

static void check_finished(struct job *job)
{
	struct password_check *check = (struct password_check *)(void *)job;
	if (check->cb != NULL)
		check->cb(check->arg, check->right);
	check_free(check);
}

const struct user *password_stand_in(const struct users *users, struct str name)
{
	size_t hash = 5381;
	for (size_t i = 0; i < name.n; i++)
		hash = hash * 33 + (unsigned char)name.p[i];
	return users_count(users) != 0 ? users_at(users, hash % users_count(users)) : NULL;
}

struct password_check *password_verify(struct worker *worker, const struct users *users,
				       struct str name, const struct user *user,
				       struct str password, password_cb *cb, void *arg)
{
	struct password_check *check = mem_zalloc(sizeof(*check));
	check->job.run = check_run;
	check->job.done = check_finished;
	/* What a C string cannot hold is nobody's password. */
	check->known = user != NULL && str_chr(password, '\0') < 0;
	if (user == NULL)
		user = password_stand_in(users, name);
	check->hash = mem_strdup(user != NULL ? user->hash : nobody);
	secret_set(&check->password, password);
	check->cb = cb;
	check->arg = arg;
	if (worker_try_submit(worker, LANE_CRYPTO, &check->job))
		return check;
	check_free(check);
	return NULL;
}

void password_cancel(struct password_check *check)
{
	if (check != NULL)
		check->cb = NULL;
}

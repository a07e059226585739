/* SPDX-License-Identifier: MIT */
#include "common/seal_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/state_folder.h"

enum {
	TEXT_BYTES = 44, /* 32 bytes in base64 */
	ROOM = 4096,
	PATH_ROOM = 4096,
};

/* ---- a key as text ---- */

/* what names the place; the text is never shown. */
static bool add_text(struct seal *seal, struct str text, const char *what, struct err *err)
{
	struct strbuf bytes;
	struct secret key = { 0 };
	/* No more than a key, so that the buffer never moves and leaves a copy behind. */
	strbuf_init(&bytes, SEAL_KEY_BYTES);
	bool ok = text.n == TEXT_BYTES && base64_decode(&bytes, text) && bytes.n == SEAL_KEY_BYTES;
	if (ok) {
		secret_set(&key, strbuf_str(&bytes));
		ok = seal_add_key(seal, &key, err);
	} else {
		err_set(err,
			"%s holds no sealing key, which is one line of 32 random bytes in base64: "
			"openssl rand -base64 32",
			what);
	}
	if (bytes.p != NULL)
		secret_wipe(bytes.p, bytes.room);
	strbuf_done(&bytes);
	secret_done(&key);
	return ok;
}

static bool add_reference(struct seal *seal, const char *reference, const char *what,
			  struct err *err)
{
	struct secret text = { 0 };
	bool literal;
	bool ok = secret_resolve(str_of(reference), &text, &literal, err);
	if (!ok)
		err_prefix(err, "%s", what);
	else
		ok = add_text(seal, str_trim(secret_reveal(&text)), what, err);
	secret_done(&text);
	return ok;
}

/* ---- the file in the state's folder ---- */

/* `PATH reason: command PATH` */
static bool refuse(struct err *err, const char *path, const char *reason, const char *command)
{
	struct strbuf text;
	strbuf_init(&text, sizeof(err->text) - 1);
	strbuf_addf(&text, "the sealing key %s %s: %s ", path, reason, command);
	quote_append_shell(&text, str_of(path));
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

/* Stricter than with other secrets, since nobody else ever makes this file: its owner alone. The
 * folder's owner is the service, whose key root may read to prepare something for it. */
static bool check_file(int fd, const char *path, const struct stat *folder, struct err *err)
{
	struct stat st;
	char command[64];
	if (fstat(fd, &st) != 0)
		return err_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return refuse(err, path, "is not a regular file", "rm -ri");
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != folder->st_uid) {
		snprintf(command, sizeof(command), "chown %ju:", (uintmax_t)folder->st_uid);
		return refuse(err, path, "belongs to another user", command);
	}
	if ((st.st_mode & 077) != 0)
		return refuse(err, path, "can be read or changed by others", "chmod 600");
	return true;
}

static bool add_open_file(struct seal *seal, int fd, const char *path, const struct stat *folder,
			  struct err *err)
{
	char text[TEXT_BYTES + 3];
	if (!check_file(fd, path, folder, err))
		return false;
	ssize_t n = read(fd, text, sizeof(text));
	if (n < 0)
		return err_errno(err, errno, "%s", path);
	size_t used = (size_t)n;
	while (used != 0 && (text[used - 1] == '\n' || text[used - 1] == '\r'))
		used--;
	bool ok = add_text(seal, (struct str){ text, used }, path, err);
	secret_wipe(text, sizeof(text));
	return ok;
}

static bool complain_open(const char *path, int reason, struct err *err)
{
	if (reason == ELOOP)
		return refuse(err, path, "is a symbolic link", "rm");
	if (reason == EACCES)
		return err_errno(err, reason, "the sealing key %s cannot be read by user id %ju",
				 path, (uintmax_t)geteuid());
	return err_errno(err, reason, "the sealing key %s", path);
}

/* *found false with true: there is none. */
static bool add_file(struct seal *seal, const char *folder, const char *path, bool *found,
		     struct err *err)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	*found = fd >= 0 || errno != ENOENT;
	if (fd < 0)
		return !*found || complain_open(path, errno, err);
	bool ok = stat(folder, &st) == 0 ? add_open_file(seal, fd, path, &st, err)
					 : err_errno(err, errno, "%s", folder);
	close(fd);
	return ok;
}

static bool write_new(const char *path, const struct state_owner *owner, struct err *err)
{
	unsigned char key[SEAL_KEY_BYTES];
	struct strbuf text;
	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return err_set(err, "OpenSSL has no random numbers for a key");
	strbuf_init(&text, TEXT_BYTES + 1);
	base64_encode(&text, (struct str){ (const char *)key, sizeof(key) });
	strbuf_addc(&text, '\n');
	bool ok = fsx_replace_owned(path, strbuf_str(&text), 0600, owner->uid, owner->gid, err);
	secret_wipe(text.p, text.room);
	secret_wipe(key, sizeof(key));
	strbuf_done(&text);
	return ok;
}

/* Two who start at the same time, the daemon and a command, must not make two keys. */
static bool make_file(struct seal *seal, const char *folder, const char *path, struct err *err)
{
	struct state_owner owner;
	int lock = -1;
	bool found = false;
	if (!state_folder_make(folder, &owner, err) || !fsx_lock_folder_of(path, &lock, err))
		return false;
	bool ok = add_file(seal, folder, path, &found, err);
	if (ok && !found)
		ok = write_new(path, &owner, err) && add_file(seal, folder, path, &found, err);
	close(lock);
	return ok || err_prefix(err, "no sealing key can be made");
}

/* ---- all of them ---- */

/* "file:..." of systemd's credential; NULL when there is none. Caller frees. */
static char *credential_reference(void)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct strbuf reference;
	if (folder == NULL || folder[0] != '/')
		return NULL;
	strbuf_init(&reference, PATH_ROOM);
	strbuf_addf(&reference, "file:%s/" SEAL_KEY_FILE, folder);
	if (reference.overflow || access(strbuf_cstr(&reference) + 5, F_OK) != 0) {
		strbuf_done(&reference);
		return NULL;
	}
	return strbuf_steal(&reference);
}

static bool add_first(struct seal *seal, const char *reference, bool *found, struct err *err)
{
	*found = true;
	if (reference[0] != '\0')
		return add_reference(seal, reference, "seal_key", err);
	char *credential = credential_reference();
	*found = credential != NULL;
	bool ok = !*found ||
		  add_reference(seal, credential, "the systemd credential " SEAL_KEY_FILE, err);
	free(credential);
	return ok;
}

static bool load(struct seal *seal, const char *reference, const char *folder, const char *path,
		 bool may_make, struct err *err)
{
	bool first, file;
	if (!add_first(seal, reference, &first, err) || !add_file(seal, folder, path, &file, err))
		return false;
	if (first || file)
		return true;
	if (may_make)
		return make_file(seal, folder, path, err);
	return err_set(err,
		       "there is no sealing key at %s yet: start oauthrelay once, or sign an "
		       "account in with `oauthrelay login`",
		       path);
}

bool seal_key_load(struct seal *seal, const char *reference, const char *folder, bool may_make,
		   struct err *err)
{
	struct strbuf path;
	strbuf_init(&path, PATH_ROOM);
	strbuf_addf(&path, "%s/" SEAL_KEY_FILE, folder);
	bool ok = !path.overflow || err_set(err, "%s: the name is too long", folder);
	ok = ok && load(seal, reference, folder, strbuf_cstr(&path), may_make, err);
	strbuf_done(&path);
	return ok;
}

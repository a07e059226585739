/* SPDX-License-Identifier: MIT */
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/strbuf.h"

/* The user and group the packages make for the service. */
static const char service_name[] = "oauthrelay";

/* ---- who may read a file ---- */

static void append_user(struct strbuf *out, uid_t uid)
{
	char room[4096];
	struct passwd entry, *found = NULL;
	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		strbuf_adds(out, found->pw_name);
	else
		strbuf_addf(out, "%u", (unsigned)uid);
}

static void append_group(struct strbuf *out, gid_t gid)
{
	char room[4096];
	struct group entry, *found = NULL;
	if (getgrgid_r(gid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		strbuf_adds(out, found->gr_name);
	else
		strbuf_addf(out, "%u", (unsigned)gid);
}

/* The user as whom the relay runs: we ourselves; but root only prepares for the service's user. */
static void append_reader(struct strbuf *out)
{
	if (geteuid() == 0)
		strbuf_adds(out, service_name);
	else
		append_user(out, geteuid());
}

static bool owner_is_fine(uid_t uid)
{
	struct strbuf owner;
	if (uid == 0 || uid == geteuid())
		return true;
	/* `config check` run by root looks with the eyes of the service. */
	strbuf_init(&owner, 256);
	append_user(&owner, uid);
	bool fine = geteuid() == 0 && str_eq(strbuf_str(&owner), str_of(service_name));
	strbuf_done(&owner);
	return fine;
}

/* A group the process is in, or root's, or the service's own (0640 root:oauthrelay). */
static bool group_is_fine(gid_t gid)
{
	gid_t groups[64];
	struct strbuf name;
	if (gid == 0 || gid == getegid())
		return true;
	int count = getgroups((int)ARRAY_LEN(groups), groups);
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	strbuf_init(&name, 256);
	append_group(&name, gid);
	bool fine = str_eq(strbuf_str(&name), str_of(service_name));
	strbuf_done(&name);
	return fine;
}

/* 0640 root:oauthrelay: without its group the service could not read it any more. */
static bool is_read_by_group(const struct stat *st)
{
	bool ours = geteuid() != 0 && st->st_uid == geteuid();
	return (st->st_mode & 040) != 0 && st->st_gid != 0 && !ours && group_is_fine(st->st_gid);
}

/* ---- errors that name the file and the command that mends it ---- */

/* `"path" reason: command path`; no command when it is NULL. */
static bool complain(struct err *err, const char *path, const char *reason, const char *command)
{
	struct strbuf text;
	strbuf_init(&text, sizeof(err->text) - 1);
	quote_append(&text, str_of(path), 256);
	strbuf_addf(&text, " %s", reason);
	if (command != NULL) {
		strbuf_addf(&text, ": %s ", command);
		quote_append_shell(&text, str_of(path));
	}
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static bool complain_owner(struct err *err, const char *path, uid_t uid)
{
	struct strbuf reason, command;
	strbuf_init(&reason, 512);
	strbuf_init(&command, 512);
	strbuf_adds(&reason, "belongs to user ");
	append_user(&reason, uid);
	strbuf_adds(&command, "chown ");
	append_reader(&command);
	strbuf_addc(&command, ':');
	complain(err, path, strbuf_cstr(&reason), strbuf_cstr(&command));
	strbuf_done(&reason);
	strbuf_done(&command);
	return false;
}

static bool complain_open(struct err *err, const char *path, int errnum)
{
	struct strbuf reason, command;
	if (errnum == ENOENT)
		return complain(err, path, "does not exist", NULL);
	strbuf_init(&reason, 512);
	strbuf_init(&command, 512);
	if (errnum == EACCES) {
		strbuf_adds(&reason, "cannot be read by user ");
		append_reader(&reason);
		strbuf_adds(&command, "chown ");
		append_reader(&command);
		strbuf_addc(&command, ':');
		complain(err, path, strbuf_cstr(&reason), strbuf_cstr(&command));
	} else {
		char words[128];
		strbuf_addf(&reason, "cannot be opened: %s",
			    strerror_r(errnum, words, sizeof(words)));
		complain(err, path, strbuf_cstr(&reason), NULL);
	}
	strbuf_done(&reason);
	strbuf_done(&command);
	return false;
}

/* Of the descriptor and not of the path: what is checked is what is read. So a symbolic link is
 * fine (systemd and Kubernetes hand out secrets that way); its target has to pass. */
static bool check_file(int fd, const char *path, struct err *err)
{
	struct stat st;
	char reason[320];
	if (fstat(fd, &st) != 0)
		return complain_open(err, path, errno);
	if (!S_ISREG(st.st_mode))
		return complain(err, path, "is not a regular file", NULL);
	if (!owner_is_fine(st.st_uid))
		return complain_owner(err, path, st.st_uid);
	unsigned mode = st.st_mode & 07777;
	if ((mode & 07) != 0) {
		snprintf(reason, sizeof(reason), "can be %s by others (mode %04o)",
			 (mode & 04) != 0 ? "read" : "used", mode);
		return complain(err, path, reason,
				is_read_by_group(&st) ? "chmod o=" : "chmod 600");
	}
	if ((mode & 030) != 0) {
		snprintf(reason, sizeof(reason), "can be changed by its group (mode %04o)", mode);
		return complain(err, path, reason, "chmod g=r");
	}
	if ((mode & 040) != 0 && !group_is_fine(st.st_gid)) {
		struct strbuf group;
		strbuf_init(&group, 256);
		append_group(&group, st.st_gid);
		snprintf(reason, sizeof(reason), "can be read by group %.200s (mode %04o)",
			 strbuf_cstr(&group), mode);
		strbuf_done(&group);
		return complain(err, path, reason, "chmod 600");
	}
	return true;
}

/* ---- following a reference ---- */

/* Says what is wrong with a value without showing any of it; NULL when nothing is. */
static const char *fault_of(struct str value)
{
	if (value.n == 0)
		return "is empty";
	if (value.n > SECRET_MAX)
		return "is too long for a secret (more than 16384 bytes)";
	if (str_chr(value, '\0') >= 0)
		return "holds a NUL byte: is it a text file?";
	if (str_chr(value, '\n') >= 0 || str_chr(value, '\r') >= 0)
		return "holds more than one line";
	if (str_starts(value, STR("\xef\xbb\xbf")) || str_starts(value, STR("\xff\xfe")))
		return "begins with a byte order mark: save it as plain text";
	return NULL;
}

static bool take_value(const char *path, struct str value, struct secret *out, struct err *err)
{
	if (value.n != 0 && value.p[value.n - 1] == '\n') {
		value.n--;
		if (value.n != 0 && value.p[value.n - 1] == '\r')
			value.n--;
	}
	const char *fault = fault_of(value);
	if (fault != NULL)
		return complain(err, path, fault, NULL);
	secret_set(out, value);
	return true;
}

/* What a file's content becomes: one line as a secret, or all of it. */
typedef bool take_fn(const char *path, struct str value, struct secret *out, struct err *err);

static bool take_all(const char *path, struct str value, struct secret *out, struct err *err)
{
	if (value.n == 0)
		return complain(err, path, "is empty", NULL);
	if (value.n > SECRET_MAX)
		return complain(err, path, "is too long for a secret (more than 16384 bytes)",
				NULL);
	secret_set(out, value);
	return true;
}

static bool read_secret_file(const char *path, take_fn *take, struct secret *out, struct err *err)
{
	enum {
		ROOM = SECRET_MAX + 3
	}; /* a line end and one byte too many */
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return complain_open(err, path, errno);
	bool ok = check_file(fd, path, err);
	if (ok) {
		char *room = mem_alloc(ROOM);
		ssize_t n = fsx_read_up_to(fd, room, ROOM);
		ok = n < 0 ? complain_open(err, path, errno)
			   : take(path, (struct str){ room, (size_t)n }, out, err);
		secret_wipe(room, ROOM);
		free(room);
	}
	close(fd);
	return ok;
}

static bool resolve_file(struct str name, take_fn *take, struct secret *out, struct err *err)
{
	if (str_chr(name, '\0') >= 0 || name.n == 0 || name.p[0] != '/')
		return err_set(err, "\"file:\" must be followed by the complete path of a file: "
				    "file:/etc/oauthrelay/name.secret");
	char *path = str_dup(name);
	bool ok = read_secret_file(path, take, out, err);
	free(path);
	return ok;
}

/* ---- systemd's credentials (systemd.exec(5), "Credentials") ---- */

static const char *credentials_directory(void)
{
	const char *path = getenv("CREDENTIALS_DIRECTORY");
	return path != NULL && path[0] == '/' ? path : NULL;
}

bool secret_out_of_reach(struct str reference)
{
	return str_starts(reference, STR("credential:")) && credentials_directory() == NULL;
}

/* As systemd's credential_name_valid(): a file's name without a colon. */
static bool is_credential_name(struct str name)
{
	if (name.n == 0 || name.n > 255 || str_eq(name, STR(".")) || str_eq(name, STR("..")))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_print(name.p[i]) || name.p[i] == '/' || name.p[i] == ':')
			return false;
	return true;
}

static bool resolve_credential(struct str name, take_fn *take, struct secret *out, struct err *err)
{
	struct strbuf path;
	struct stat st;
	const char *folder = credentials_directory();
	if (!is_credential_name(name))
		return err_set(err, "\"credential:\" must be followed by the name that "
				    "LoadCredential= in the unit gives it, without / and :");
	if (folder == NULL)
		return err_set(
			err,
			"systemd has handed over no credentials: the service's unit needs "
			"LoadCredential=%.*s:/PATH or LoadCredentialEncrypted=; and only the "
			"service sees them, no command line does",
			(int)name.n, name.p);
	strbuf_init(&path, 8192);
	strbuf_addf(&path, "%s/%.*s", folder, (int)name.n, name.p);
	bool ok = stat(strbuf_cstr(&path), &st) == 0 || errno != ENOENT;
	if (!ok)
		err_set(err,
			"systemd has handed over no credential %.*s: add LoadCredential=%.*s:/PATH "
			"or LoadCredentialEncrypted= to the service's unit, then systemctl "
			"daemon-reload and restart it",
			(int)name.n, name.p, (int)name.n, name.p);
	ok = ok && read_secret_file(strbuf_cstr(&path), take, out, err);
	strbuf_done(&path);
	return ok;
}

static bool resolve_env(struct str name, struct secret *out, struct err *err)
{
	struct strbuf shown;
	char *key = str_dup(name);
	const char *value = str_chr(name, '\0') < 0 && name.n != 0 ? getenv(key) : NULL;
	const char *fault = value == NULL ? "is not set" : fault_of(str_of(value));
	free(key);
	if (fault == NULL) {
		secret_set(out, str_of(value));
		return true;
	}
	strbuf_init(&shown, 256);
	quote_append_bare(&shown, name, 64);
	err_set(err, "environment variable %s %s", strbuf_cstr(&shown), fault);
	strbuf_done(&shown);
	return false;
}

bool secret_resolve(struct str reference, struct secret *out, bool *literal, struct err *err)
{
	*literal = false;
	if (str_starts(reference, STR("file:")))
		return resolve_file(str_skip(reference, 5), take_value, out, err);
	if (str_starts(reference, STR("credential:")))
		return resolve_credential(str_skip(reference, 11), take_value, out, err);
	if (str_starts(reference, STR("env:")))
		return resolve_env(str_skip(reference, 4), out, err);
	const char *fault = fault_of(reference);
	if (fault != NULL)
		return err_set(err, "the secret %s", fault);
	*literal = true;
	secret_set(out, reference);
	return true;
}

bool secret_load(struct str reference, struct secret *out, struct err *err)
{
	if (str_starts(reference, STR("file:")))
		return resolve_file(str_skip(reference, 5), take_all, out, err);
	if (str_starts(reference, STR("credential:")))
		return resolve_credential(str_skip(reference, 11), take_all, out, err);
	return err_set(err, "this must be in a file: \"file:/path\" or \"credential:NAME\"");
}

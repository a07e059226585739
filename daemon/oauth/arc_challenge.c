/* SPDX-License-Identifier: MIT */
#include "oauth/arc_challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/strbuf.h"

const char arc_challenge_folder[] = "/var/opt/azcmagent/tokens";

enum {
	NAME_BYTES_MAX = 255, /* NAME_MAX of any file system */
	SHOWN_MAX = 120,
};

/* "the Arc agent names "X" as proof of who we are, but WHY", for a challenge that is not used. */
static bool distrust(struct err *err, struct str named, const char *why)
{
	struct strbuf text;
	strbuf_init(&text, 1024);
	quote_append(&text, named, SHOWN_MAX);
	err_set(err,
		"the Arc agent names %s as the file to show it, but %s: it was not read; is it "
		"the Arc agent that answers at identity_endpoint?",
		strbuf_cstr(&text), why);
	err->code = EINVAL;
	strbuf_done(&text);
	return false;
}

/* ---- what it asks for ---- */

/* realm of a Basic challenge (RFC 7617 2), quoted or, as the agent writes it, not; p NULL when the
 * field is none. */
static struct str realm_of(struct str field)
{
	static const struct str none = { NULL, 0 };
	if (!str_istarts(field, STR("Basic ")))
		return none;
	struct str rest = str_trim(str_skip(field, strlen("Basic ")));
	if (!str_istarts(rest, STR("realm=")))
		return none;
	rest = str_trim(str_skip(rest, strlen("realm=")));
	if (rest.n >= 2 && rest.p[0] == '"' && rest.p[rest.n - 1] == '"')
		rest = (struct str){ rest.p + 1, rest.n - 2 };
	return rest;
}

static bool is_plain_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_is_alnum(name.p[i]) && str_chr(STR("-_."), name.p[i]) < 0)
			return false;
	return name.n > strlen(".key") && name.n <= NAME_BYTES_MAX && name.p[0] != '.';
}

bool arc_challenge_parse(struct str authenticate, const char *folder, char **name, struct err *err)
{
	size_t n = strlen(folder);
	struct str realm = realm_of(authenticate);
	if (realm.p == NULL) {
		struct strbuf text;
		strbuf_init(&text, 1024);
		quote_append(&text, authenticate, SHOWN_MAX);
		err_set(err,
			"the Arc agent answers 401 without naming a file to show it "
			"(WWW-Authenticate: %s): is it the Arc agent that answers at "
			"identity_endpoint? azcmagent show tells its state",
			strbuf_cstr(&text));
		err->code = EINVAL;
		strbuf_done(&text);
		return false;
	}
	struct str file = str_skip(realm, n + 1);
	if (!str_starts(realm, str_of(folder)) || realm.n <= n || realm.p[n] != '/' ||
	    str_chr(file, '/') >= 0)
		return distrust(err, realm, "it is not in the agent's folder");
	if (!str_iends(file, STR(".key")))
		return distrust(err, realm, "it does not end in .key");
	if (!is_plain_name(file))
		return distrust(err, realm, "that is not a name such as the agent gives");
	*name = str_dup(file);
	return true;
}

/* ---- the file ---- */

static bool fail(struct err *err, const char *folder, const char *name, int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
		err_set(err,
			"%s/%s may not be read by the relay's user: add user oauthrelay to group "
			"himds (usermod -a -G himds oauthrelay), then restart the service",
			folder, name);
		break;
	case ELOOP:
	case ENOTDIR:
		err_set(err,
			"%s/%s: there is a symbolic link in it, so it was not read: the folder "
			"must be the Arc agent's own",
			folder, name);
		break;
	case ENOENT:
		err_set(err,
			"%s/%s does not exist: is it the Arc agent of this machine that answers at "
			"identity_endpoint? azcmagent show tells its state",
			folder, name);
		break;
	default:
		err_errno(err, errnum, "%s/%s cannot be read", folder, name);
	}
	err->code = errnum;
	return false;
}

/* A descriptor for the folder, every part of whose path is a folder and no link; or -1. */
static int open_folder(const char *folder)
{
	struct str rest = str_of(folder);
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && rest.n != 0) {
		ptrdiff_t slash = str_chr(rest, '/');
		struct str part = slash < 0 ? rest : str_head(rest, (size_t)slash);
		rest = str_skip(rest, part.n + 1);
		if (part.n == 0)
			continue;
		char *name = str_dup(part);
		int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int errnum = errno;
		free(name);
		close(fd);
		errno = errnum;
		fd = next;
	}
	return fd;
}

static struct str without_line_end(struct str text)
{
	while (text.n != 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	return text;
}

static bool is_key(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	return text.n != 0;
}

static bool complain(struct err *err, const char *folder, const char *name, const char *what)
{
	err_set(err, "%s/%s %s: azcmagent show tells the agent's state", folder, name, what);
	err->code = EINVAL;
	return false;
}

static bool take(int fd, const char *folder, const char *name, struct secret *out, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return fail(err, folder, name, errno);
	if (!S_ISREG(st.st_mode))
		return complain(err, folder, name, "is not a regular file");
	char *room = mem_alloc(ARC_KEY_MAX + 1);
	ssize_t n = fsx_read_up_to(fd, room, ARC_KEY_MAX + 1);
	struct str key = without_line_end((struct str){ room, n > 0 ? (size_t)n : 0 });
	bool ok = false;
	if (n < 0)
		fail(err, folder, name, errno);
	else if (n > ARC_KEY_MAX)
		complain(err, folder, name, "has more than 4096 bytes, so it is no key of Arc's");
	else if (!is_key(key))
		complain(err, folder, name, "is empty or does not hold a key");
	else
		ok = true;
	if (ok)
		secret_set(out, key);
	secret_wipe(room, ARC_KEY_MAX + 1);
	free(room);
	return ok;
}

bool arc_challenge_read(const char *folder, const char *name, struct secret *out, struct err *err)
{
	int at = open_folder(folder);
	if (at < 0)
		return fail(err, folder, name, errno);
	/* O_NONBLOCK: a FIFO in its place must not hang the lane. */
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int errnum = errno;
	close(at);
	if (fd < 0)
		return fail(err, folder, name, errnum);
	bool ok = take(fd, folder, name, out, err);
	close(fd);
	return ok;
}

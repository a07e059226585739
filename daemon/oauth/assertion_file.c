/* SPDX-License-Identifier: MIT */
#include "oauth/assertion_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/fsx.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/strbuf.h"

enum {
	ROOM = SECRET_MAX + 3, /* a line end and one byte too many */
	JWT_PARTS = 3,
	PATH_SHOWN = 256,
};

/* `assertion_file "PATH" what`, and the errno's text if there is one. */
static bool complain(struct err *err, const char *path, const char *what, int errnum)
{
	struct strbuf name;
	strbuf_init(&name, sizeof(err->text));
	quote_append(&name, str_of(path), PATH_SHOWN);
	if (errnum != 0)
		err_errno(err, errnum, "assertion_file %s %s", strbuf_cstr(&name), what);
	else
		err_set(err, "assertion_file %s %s", strbuf_cstr(&name), what);
	strbuf_done(&name);
	return false;
}

static bool complain_open(struct err *err, const char *path, int errnum)
{
	if (errnum == ENOENT || errnum == ENOTDIR)
		return complain(err, path,
				"does not exist: whatever renews the federated tokens has to write "
				"it there; see that it runs, or correct the path",
				0);
	if (errnum == EACCES)
		return complain(
			err, path,
			"may not be read by the relay's user: let the program that writes it "
			"give that user the right to read it",
			0);
	return complain(err, path, "cannot be read", errnum);
}

static bool is_jwt(struct str text)
{
	size_t parts = 0;
	for (;;) {
		ptrdiff_t dot = str_chr(text, '.');
		if (!base64url_is_plain(dot >= 0 ? str_head(text, (size_t)dot) : text))
			return false;
		parts++;
		if (dot < 0)
			return parts == JWT_PARTS;
		text = str_skip(text, (size_t)dot + 1);
	}
}

static struct str without_line_end(struct str text)
{
	if (text.n == 0 || text.p[text.n - 1] != '\n')
		return text;
	text.n--;
	if (text.n != 0 && text.p[text.n - 1] == '\r')
		text.n--;
	return text;
}

static bool take(const char *path, struct str content, struct secret *out, struct err *err)
{
	struct str text = without_line_end(content);
	if (text.n == 0)
		return complain(err, path,
				"is empty: see that the program that renews it runs, and writes it "
				"whole (a new file, then a rename)",
				0);
	if (text.n > SECRET_MAX)
		return complain(err, path,
				"is too large for a token (more than 16384 bytes): is it the right "
				"file?",
				0);
	if (!is_jwt(text))
		return complain(err, path,
				"does not hold one JWT (three parts of base64url with dots between "
				"them, on one line): is it the right file?",
				0);
	secret_set(out, text);
	return true;
}

static bool read_from(int fd, const char *path, struct secret *out, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return complain_open(err, path, errno);
	if (!S_ISREG(st.st_mode))
		return complain(err, path, "is not a regular file: is it the right path?", 0);
	char *room = mem_alloc(ROOM);
	ssize_t n = fsx_read_up_to(fd, room, ROOM);
	bool ok = n < 0 ? complain_open(err, path, errno)
			: take(path, (struct str){ room, (size_t)n }, out, err);
	secret_wipe(room, ROOM);
	free(room);
	return ok;
}

bool assertion_file_read(const char *path, struct secret *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang the lane. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return complain_open(err, path, errno);
	bool ok = read_from(fd, path, out, err);
	close(fd);
	return ok;
}

/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_FSX_H
#define OAUTHRELAY_COMMON_FSX_H

#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * Small things with files that must be right everywhere. All of them block: start-up, shut-down,
 * a job, or the command line only.
 */

/* All of it or an error; EINTR and short writes are dealt with. */
bool fsx_write_all(int fd, const void *p, size_t n, struct err *err) MUST_CHECK;
/* Up to max bytes from where fd is, into p: fewer only at the file's end. -1 with errno. For what
 * must not be left in memory that grew. */
ssize_t fsx_read_up_to(int fd, void *p, size_t max) MUST_CHECK;
/* Whole file, appended to out (whose ceiling is the limit); on failure out is as before. */
bool fsx_read_file(const char *path, struct strbuf *out, struct err *err) MUST_CHECK;
/* The one way to replace a file: temporary file beside it, written, synced, renamed, directory
 * synced. Any failure before the rename leaves the old file in place and nothing beside it; when
 * only the directory's sync fails, the new one is there but may not survive a power cut. */
bool fsx_replace_durable(const char *path, struct str content, mode_t mode, struct err *err)
	MUST_CHECK;
/* The same, owned by uid and gid; -1 leaves either as it comes. */
bool fsx_replace_owned(const char *path, struct str content, mode_t mode, uid_t uid, gid_t gid,
		       struct err *err) MUST_CHECK;
/* What was made, renamed or removed in the folder that path is in survives a power cut. A folder
 * that is not there has nothing to lose. */
bool fsx_sync_folder_of(const char *path, struct err *err) MUST_CHECK;
/* mkdir -p with this mode (less the umask) for what is missing, each made durable. */
bool fsx_make_dirs(const char *path, mode_t mode, struct err *err) MUST_CHECK;
/* Takes an exclusive lock on path (made when missing), kept until the descriptor closes; false,
 * *fd untouched, with "another oauthrelay (pid N) uses PATH" and the code EWOULDBLOCK when somebody
 * has it. */
bool fsx_lock(const char *path, int *fd, struct err *err) MUST_CHECK;
/* Waits for an exclusive lock on the folder that path is in, kept until the descriptor closes: for
 * those who read path, change it and replace it. */
bool fsx_lock_folder_of(const char *path, int *fd, struct err *err) MUST_CHECK;

#endif

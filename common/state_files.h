/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_COMMON_STATE_FILES_H
#define OAUTHRELAY_COMMON_STATE_FILES_H

#include "common/state.h"
#include "common/state_folder.h"

/*
 * What common/state_file.c does in its jobs, beside state_file_read() and state_file_write()
 * (common/state.h): the files themselves. All block.
 */

/* One or two words of letters, digits and . _ - that do not begin with a dot, with a "/" between
 * them; short enough for a file and the temporary one beside it. */
bool state_files_name_ok(const char *name);
/* Durable; none to be removed is fine. */
bool state_files_remove(const char *folder, const char *name, struct err *err) MUST_CHECK;
/* Removes what a process that died has left beside NAME, unless somebody has the lock. */
void state_files_tidy(const char *folder, const char *name);

#endif

/* SPDX-License-Identifier: MIT */
#include "common/state_folder.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"

/* The user the packages make for the service. */
static const char service_user[] = "oauthrelay";

/* Only root can give away what it makes, and only root is asked to; not what somebody has put into
 * its place by now. */
static bool give_to(const char *path, const struct state_owner *owner, struct err *err)
{
	if (geteuid() != 0 || (owner->uid == 0 && owner->gid == 0))
		return true;
	return lchown(path, owner->uid, owner->gid) == 0 || err_errno(err, errno, "chown %s", path);
}

static void find_service(struct state_owner *owner)
{
	char room[4096];
	struct passwd entry, *found = NULL;
	*owner = (struct state_owner){ .uid = geteuid(), .gid = getegid() };
	if (owner->uid != 0)
		return;
	if (getpwnam_r(service_user, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		*owner = (struct state_owner){ .uid = found->pw_uid, .gid = found->pw_gid };
}

/* *made says that it was not there. */
static bool make(const char *path, bool *made, struct stat *st, struct err *err)
{
	*made = stat(path, st) != 0;
	if (*made && errno != ENOENT)
		return err_errno(err, errno, "%s", path);
	/* Of one that is there, it makes sure that it is a folder. */
	if (!fsx_make_dirs(path, 0700, err))
		return false;
	return !*made || stat(path, st) == 0 || err_errno(err, errno, "%s", path);
}

bool state_folder_make(const char *path, struct state_owner *owner, struct err *err)
{
	struct stat st;
	struct state_owner found;
	bool made;
	if (!make(path, &made, &st, err))
		return false;
	if (made)
		find_service(&found);
	else
		found = (struct state_owner){ .uid = st.st_uid, .gid = st.st_gid };
	if (made && !give_to(path, &found, err))
		return false;
	*owner = found;
	return true;
}

bool state_folder_make_inner(const char *path, const struct state_owner *owner, struct err *err)
{
	struct stat st;
	bool made;
	return make(path, &made, &st, err) && (!made || give_to(path, owner, err));
}

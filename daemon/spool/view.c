/* SPDX-License-Identifier: MIT */
#include "spool/view.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/mem.h"

void view_init(struct view *view, int fd, uint64_t size)
{
	*view = (struct view){ .fd = fd, .size = size, .p = mem_alloc(VIEW_MAX) };
}

void view_done(struct view *view)
{
	free(view->p);
}

bool view_read(const struct view *view, uint64_t at, void *p, size_t n, struct err *err)
{
	size_t have = 0;
	while (have < n) {
		ssize_t got = pread(view->fd, (char *)p + have, n - have, (off_t)(at + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "read");
		if (got == 0)
			return err_set(err, "read: the file has become shorter");
		have += (size_t)got;
	}
	return true;
}

bool view_get(struct view *view, uint64_t at, size_t n, struct str *out, struct err *err)
{
	assert(n <= VIEW_MAX);
	if (at >= view->size)
		n = 0;
	else if (n > view->size - at)
		n = (size_t)(view->size - at);
	bool held = at >= view->at && at + n <= view->at + view->n;
	if (n != 0 && !held) {
		bool whole = view->size <= VIEW_MAX;
		view->at = whole ? 0 : at;
		view->n = 0;
		size_t load = whole ? (size_t)view->size : n;
		if (!view_read(view, view->at, view->p, load, err))
			return false;
		view->n = load;
	}
	*out = (struct str){ n != 0 ? view->p + (at - view->at) : "", n };
	return true;
}

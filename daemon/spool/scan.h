/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_SPOOL_SCAN_H
#define OAUTHRELAY_SPOOL_SCAN_H

#include "spool/spool.h"

struct store;

/*
 * Recovery: the row scan of struct spool_ops (contract there) for files. A job lists the directory,
 * further jobs judge SCAN_BATCH files each, so that other work of the lane gets its turn, and what
 * they found is handed over in slices of a few milliseconds of the loop's time. Scans run one after
 * the other.
 */
enum {
	SCAN_BATCH = 64,
	SCAN_LIST_MAX = 128 * 1024, /* names in memory; the directory is listed in several goes */
	SCAN_FOREIGN_MAX = 100,	    /* names that are none of ours, reported one by one */
};

struct scan_list;

struct scan_list *scan_list_new(struct store *store);
void scan_list_free(struct scan_list *list); /* none may be under way; NULL allowed */
/* The store is closing: nobody is called any more; what is under way ends with its job. */
void scan_list_stop(struct scan_list *list);
void scan_start(struct spool *spool, spool_scan_cb *found, spool_corrupt_cb *corrupt,
		spool_scan_done_cb *done, void *arg);

#endif

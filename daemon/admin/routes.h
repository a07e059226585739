/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ROUTES_H
#define OAUTHRELAY_ADMIN_ROUTES_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "admin/control.h"
#include "common/str.h"

/*
 * What can be asked: a table of paths, each with the function that makes its answer. No I/O; reads
 * the queue and the configuration through struct admin_view. Loop's thread.
 */
struct admin_request {
	const struct admin_view *view;
	struct str rest;  /* of the path, where the row's path ends in "/" */
	struct str query; /* behind the "?", undecoded: our parameters are numbers and words */
};

struct admin_answer {
	int status;  /* of HTTP */
	cJSON *body; /* the receiver deletes it */
};

struct admin_route {
	const char *method;
	const char *path; /* one that ends in "/" takes everything below it */
	struct admin_answer (*handler)(const struct admin_request *request);
	const char *help;
};

extern const struct admin_route admin_routes[];
extern const size_t admin_route_count;

/* Never fails: an unknown path is answered 404, a known one with another method 405. */
struct admin_answer admin_dispatch(const struct admin_view *view, struct str method,
				   struct str path, struct str query);
/* { "error": text } */
struct admin_answer admin_error(int status, const char *text);
/* Value of "name=digits" in a query; fallback when it is not there, false when it is not a number
 * up to max. */
bool admin_query_number(struct str query, const char *name, uint64_t max, uint64_t fallback,
			uint64_t *out) MUST_CHECK;

/* Which part of a list is asked for: "limit" (at most 200) and "offset". False: the answer is
 * admin_bad_page(). */
bool admin_query_page(struct str query, uint64_t *limit, uint64_t *offset) MUST_CHECK;
struct admin_answer admin_bad_page(void);

/* Members of answers: a text or null; and the word that the configuration has for a setting. */
void admin_add_optional(cJSON *object, const char *name, const char *text);
void admin_add_setting(cJSON *object, const char *section, const char *key, const void *settings);

#endif

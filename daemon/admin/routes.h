/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_ROUTES_H
#define OAUTHRELAY_ADMIN_ROUTES_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "admin/control.h"
#include "common/str.h"

/*
 * What can be asked and done: a table of paths, each with the function that makes its answer. No
 * I/O; what is asked is read through struct admin_view, what is done goes through struct admin_ops.
 * Loop's thread.
 *
 * A path has at most one "*", which takes one segment of the path; one that ends in "/" takes
 * everything below it. Of several that match, the first in the table counts.
 */
struct admin_ticket;

struct admin_call {
	struct str method;
	struct str path;
	struct str query; /* behind the "?", undecoded: our parameters are numbers and words */
	struct str body;  /* may hold secrets: wiped by the caller */
	struct admin_ticket *ticket;
};

struct admin_request {
	const struct admin_view *view;
	const struct admin_ops *ops;
	struct str rest; /* of the path: what "*" or the final "/" took */
	struct str query;
	const cJSON *body; /* of a POST: an object; NULL when it was empty. Wiped afterwards */
	struct admin_ticket *ticket; /* to answer later: admin/ticket.h */
};

struct admin_answer {
	int status;	   /* of HTTP; 0: it comes later */
	cJSON *body;	   /* the receiver deletes it */
	const char *allow; /* with 405: the methods that the path has */
	char *text;	   /* in the place of body: metrics, which the receiver frees */
	bool no_such_path; /* what was asked for may be anything, a secret too: not for the log */
};

struct admin_route {
	const char *method; /* GET only tells; POST does something */
	const char *path;
	struct admin_answer (*handler)(const struct admin_request *request);
	const char *help;
};

extern const struct admin_route admin_routes[];
extern const size_t admin_route_count;

/* Never fails: an unknown path is answered 404, a known one with another method 405, a body that is
 * no JSON object 400. */
struct admin_answer admin_dispatch(const struct admin_view *view, const struct admin_ops *ops,
				   const struct admin_call *call);
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

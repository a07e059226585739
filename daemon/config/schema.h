/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_SCHEMA_H
#define OAUTHRELAY_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"
#include "common/strbuf.h"

/*
 * The table of what a user may write: one row a key. The loader, `config show`, `config keys` and
 * the tests walk it, so a key exists exactly when it has a row. Pure, any thread.
 *
 * Rules that concern more than one key are not here but in check.c.
 */

/* What a value looks like in the file. */
enum schema_type {
	SCHEMA_STRING,
	SCHEMA_PATH,	 /* a string that begins with "/" */
	SCHEMA_SECRET,	 /* the reference; finish.c follows it */
	SCHEMA_ENUM,	 /* a string out of `names` */
	SCHEMA_BOOL,	 /* true, false */
	SCHEMA_NUMBER,	 /* 25 */
	SCHEMA_SIZE,	 /* "35M", or bytes as a number */
	SCHEMA_DURATION, /* "30m" */
	SCHEMA_DATE,	 /* "2027-05-01", kept as text; finish.c makes its end of it */
	SCHEMA_RATE,	 /* "5000/h" into struct units_rate */
	SCHEMA_STRINGS,	 /* [ "a", "b" ] into struct config_strings */
	SCHEMA_FLAGS,	 /* [ "a", "b" ] out of `names`, into an unsigned: bit i for names[i] */
	SCHEMA_NETWORKS, /* `allow` */
	SCHEMA_LISTEN,	 /* `listen`, the short form of listeners */
};

/* Which struct a section's fields lie in. */
enum schema_base {
	SCHEMA_IN_CONFIG,
	SCHEMA_IN_LISTENER,
	SCHEMA_IN_DEVICE,
	SCHEMA_IN_ACCOUNT,
	SCHEMA_IN_CREDENTIAL, /* of an account: a list in a list */
};

struct schema_section {
	const char *path; /* "", "queue.retry", "accounts" */
	enum schema_base base;
	bool is_list; /* ( { ... }, { ... } ) */
	const char *help;
};

struct schema_key {
	const char *section; /* path of its section */
	const char *name;
	enum schema_type type;
	uint32_t offset;   /* of the field in the section's struct */
	const char *def;   /* the default as the file would write it; NULL: see `unset` */
	const char *unset; /* in words, what holds where the file is silent and def is NULL */
	int64_t min;	   /* NUMBER, SIZE (bytes), DURATION (ms) */
	int64_t max;	   /* the same; for STRING and the like its length */
	const char *const *names; /* ENUM, FLAGS: ends with NULL, in the order of the C enum */
	bool required;
	bool reload; /* a reload changes it; else the program must be restarted */
	const char *help;
};

extern const struct schema_section schema_sections[];
extern const size_t schema_section_count;
extern const struct schema_key schema_keys[];
extern const size_t schema_key_count;

/* NULL when there is none. */
const struct schema_section *schema_section(struct str path);
/* The section `name` below the section `parent` ("" for the top). */
const struct schema_section *schema_subsection(const char *parent, struct str name);
const struct schema_key *schema_key(const char *section, struct str name);
/* "accounts.tenant" -> row; "postmaster" -> row. NULL when there is none. */
const struct schema_key *schema_key_by_path(struct str path);
/* The last part of a section's path. */
const char *schema_section_name(const struct schema_section *section);

/* Calls visit for each key of a section, in table order. */
typedef void schema_visit(const struct schema_key *key, void *arg);
void schema_walk(const char *section, schema_visit *visit, void *arg);

/* Name of a type for people: "size", "list of strings". */
const char *schema_type_name(enum schema_type type);
void *schema_field(const struct schema_key *key, void *base);
const void *schema_field_const(const struct schema_key *key, const void *base);

/*
 * Sets a field from a value of the file, or fails saying what is wrong with it ("must be at most
 * 5d") with the field as before. Text serves STRING, PATH, SECRET, ENUM, SIZE, DURATION, DATE,
 * RATE; a number NUMBER, SIZE and the DURATION 0. Strings are owned by the struct.
 */
bool schema_set_text(const struct schema_key *key, void *base, struct str text, struct err *err)
	MUST_CHECK;
bool schema_set_number(const struct schema_key *key, void *base, int64_t number, struct err *err)
	MUST_CHECK;
void schema_set_bool(const struct schema_key *key, void *base, bool value);
/* Fills every field of the section from `def`; strings without one become "". */
void schema_set_defaults(const char *section, void *base);
/* Frees the strings of the section. */
void schema_free(const char *section, void *base);
/* The value of a scalar as the file would write it, but without quotes. */
void schema_append_text(struct strbuf *out, const struct schema_key *key, const void *base);

#endif

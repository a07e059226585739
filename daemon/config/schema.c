/* SPDX-License-Identifier: MIT */
#include "config/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/units.h"
#include "common/utf8.h"
#include "config/config.h"

/* Enums are read and written as unsigned, which is what the compiler keeps them in. */
_Static_assert(sizeof(enum listener_tls) == sizeof(unsigned), "enum");
_Static_assert(sizeof(enum auth_rule) == sizeof(unsigned), "enum");
_Static_assert(sizeof(enum log_level) == sizeof(unsigned), "enum");

static const char *const type_names[] = {
	[SCHEMA_STRING] = "string",
	[SCHEMA_PATH] = "path",
	[SCHEMA_SECRET] = "secret",
	[SCHEMA_ENUM] = "choice",
	[SCHEMA_BOOL] = "true or false",
	[SCHEMA_NUMBER] = "number",
	[SCHEMA_SIZE] = "size",
	[SCHEMA_DURATION] = "duration",
	[SCHEMA_DATE] = "date",
	[SCHEMA_RATE] = "rate",
	[SCHEMA_STRINGS] = "list of strings",
	[SCHEMA_FLAGS] = "list of words",
	[SCHEMA_NETWORKS] = "list of networks",
	[SCHEMA_LISTEN] = "list of addresses",
};

const char *schema_type_name(enum schema_type type)
{
	return type_names[type];
}

const struct schema_section *schema_section(struct str path)
{
	for (size_t i = 0; i < schema_section_count; i++)
		if (str_eq(path, str_of(schema_sections[i].path)))
			return &schema_sections[i];
	return NULL;
}

const struct schema_section *schema_subsection(const char *parent, struct str name)
{
	struct strbuf path;
	strbuf_init(&path, 256);
	if (parent[0] != '\0')
		strbuf_addf(&path, "%s.", parent);
	strbuf_addstr(&path, name);
	/* A name with a dot in it or none at all would find something that is not below parent. */
	bool sane = !path.overflow && name.n != 0 && str_chr(name, '.') < 0;
	const struct schema_section *found = sane ? schema_section(strbuf_str(&path)) : NULL;
	strbuf_done(&path);
	return found;
}

const struct schema_key *schema_key(const char *section, struct str name)
{
	for (size_t i = 0; i < schema_key_count; i++) {
		const struct schema_key *key = &schema_keys[i];
		if (strcmp(key->section, section) == 0 && str_eq(name, str_of(key->name)))
			return key;
	}
	return NULL;
}

const struct schema_key *schema_key_by_path(struct str path)
{
	size_t dot = path.n;
	while (dot > 0 && path.p[dot - 1] != '.')
		dot--;
	if (dot == 1)
		return NULL; /* ".name" */
	const struct schema_section *section = schema_section(str_head(path, dot ? dot - 1 : 0));
	return section != NULL ? schema_key(section->path, str_skip(path, dot)) : NULL;
}

const char *schema_section_name(const struct schema_section *section)
{
	const char *dot = strrchr(section->path, '.');
	return dot != NULL ? dot + 1 : section->path;
}

void schema_walk(const char *section, schema_visit *visit, void *arg)
{
	for (size_t i = 0; i < schema_key_count; i++)
		if (strcmp(schema_keys[i].section, section) == 0)
			visit(&schema_keys[i], arg);
}

void *schema_field(const struct schema_key *key, void *base)
{
	return (char *)base + key->offset;
}

const void *schema_field_const(const struct schema_key *key, const void *base)
{
	return (const char *)base + key->offset;
}

/* "25", "35M", "5d": a limit as the file would write it. */
static void append_scalar(struct strbuf *out, enum schema_type type, int64_t value)
{
	if (type == SCHEMA_SIZE)
		units_append_size(out, (uint64_t)value);
	else if (type == SCHEMA_DURATION)
		units_append_duration(out, value);
	else
		strbuf_addf(out, "%lld", (long long)value);
}

static bool in_range(const struct schema_key *key, int64_t value, struct err *err)
{
	if (value >= key->min && value <= key->max)
		return true;
	struct strbuf text;
	strbuf_init(&text, 128);
	strbuf_adds(&text, value < key->min ? "must be at least " : "must be at most ");
	append_scalar(&text, key->type, value < key->min ? key->min : key->max);
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static bool set_enum(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	struct strbuf all;
	strbuf_init(&all, 256);
	for (unsigned i = 0; key->names[i] != NULL; i++) {
		if (str_eq(text, str_of(key->names[i]))) {
			memcpy(schema_field(key, base), &i, sizeof(i));
			strbuf_done(&all);
			return true;
		}
		strbuf_addf(&all, "%s\"%s\"", i != 0 ? ", " : "", key->names[i]);
	}
	err_set(err, "must be one of %s", strbuf_cstr(&all));
	strbuf_done(&all);
	return false;
}

static bool set_string(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	if (text.n > (uint64_t)key->max)
		return err_set(err, "is longer than %lld bytes", (long long)key->max);
	if (key->required && text.n == 0)
		return err_set(err, "must not be empty");
	if (!utf8_is_clean(text))
		return err_set(err, "holds a control character, or is not UTF-8");
	if (key->type == SCHEMA_PATH && (text.n == 0 || text.p[0] != '/'))
		return err_set(err, "must be a full path, beginning with /");
	char **slot = schema_field(key, base);
	free(*slot);
	*slot = str_dup(text);
	return true;
}

static bool set_size(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	uint64_t bytes;
	if (!units_parse_size(text, &bytes))
		return err_set(err, "is not a size; write it as \"35M\", \"500K\" or in bytes");
	if (!in_range(key, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes, err))
		return false;
	memcpy(schema_field(key, base), &bytes, sizeof(bytes));
	return true;
}

static bool set_duration(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	int64_t ms;
	if (!units_parse_duration(text, &ms))
		return err_set(err, "is not a duration; write it as \"30s\", \"5m\", \"1h\" or "
				    "\"5d\"");
	if (!in_range(key, ms, err))
		return false;
	memcpy(schema_field(key, base), &ms, sizeof(ms));
	return true;
}

static bool set_rate(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	struct units_rate rate;
	if (!units_parse_rate(text, &rate))
		return err_set(err, "is not a rate; write it as \"30/m\" or \"5000/h\"");
	if (!in_range(key, rate.count > INT64_MAX ? INT64_MAX : (int64_t)rate.count, err))
		return false;
	memcpy(schema_field(key, base), &rate, sizeof(rate));
	return true;
}

/* Empty is as left out. */
static bool set_date(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	int64_t end_ms;
	if (text.n != 0 && !units_parse_date(text, &end_ms))
		return err_set(err, "is not a date; write it as \"2027-05-01\"");
	char **slot = schema_field(key, base);
	free(*slot);
	*slot = str_dup(text);
	return true;
}

bool schema_set_text(const struct schema_key *key, void *base, struct str text, struct err *err)
{
	switch (key->type) {
	case SCHEMA_STRING:
	case SCHEMA_PATH:
	case SCHEMA_SECRET:
		return set_string(key, base, text, err);
	case SCHEMA_ENUM:
		return set_enum(key, base, text, err);
	case SCHEMA_SIZE:
		return set_size(key, base, text, err);
	case SCHEMA_DURATION:
		return set_duration(key, base, text, err);
	case SCHEMA_DATE:
		return set_date(key, base, text, err);
	case SCHEMA_RATE:
		return set_rate(key, base, text, err);
	case SCHEMA_BOOL:
	case SCHEMA_NUMBER:
		return err_set(err, "is a %s: write it without quotes", type_names[key->type]);
	case SCHEMA_STRINGS:
	case SCHEMA_FLAGS:
	case SCHEMA_NETWORKS:
	case SCHEMA_LISTEN:
		return err_set(err, "is a %s: write it as [ \"...\", \"...\" ]",
			       type_names[key->type]);
	}
	return err_set(err, "has no type");
}

bool schema_set_number(const struct schema_key *key, void *base, int64_t number, struct err *err)
{
	bool duration = key->type == SCHEMA_DURATION;
	if (duration && number != 0)
		return err_set(err, "needs a unit: \"%llds\", \"%lldm\" ...", (long long)number,
			       (long long)number);
	if (key->type == SCHEMA_RATE)
		return err_set(err, "needs a unit: \"%lld/h\", \"%lld/m\" ...", (long long)number,
			       (long long)number);
	if (!duration && key->type != SCHEMA_NUMBER && key->type != SCHEMA_SIZE)
		return err_set(err, "must be a %s, not a number", type_names[key->type]);
	if (!in_range(key, number, err))
		return false;
	memcpy(schema_field(key, base), &number, sizeof(number));
	return true;
}

void schema_set_bool(const struct schema_key *key, void *base, bool value)
{
	memcpy(schema_field(key, base), &value, sizeof(value));
}

/* A default that its own row does not accept is a mistake in the table, which the unit test finds.
 */
static void set_default(const struct schema_key *key, void *arg)
{
	struct err err;
	uint64_t number;
	bool ok = true;
	switch (key->type) {
	case SCHEMA_STRING:
	case SCHEMA_PATH:
	case SCHEMA_SECRET:
	case SCHEMA_DATE:
		mem_replace_str(schema_field(key, arg), key->def != NULL ? key->def : "");
		return;
	case SCHEMA_NUMBER:
		if (key->def != NULL)
			ok = str_to_u64(str_of(key->def), INT64_MAX, &number) &&
			     schema_set_number(key, arg, (int64_t)number, &err);
		break;
	case SCHEMA_ENUM:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
	case SCHEMA_RATE:
		if (key->def != NULL)
			ok = schema_set_text(key, arg, str_of(key->def), &err);
		break;
	case SCHEMA_BOOL:
		schema_set_bool(key, arg, key->def != NULL && strcmp(key->def, "true") == 0);
		break;
	case SCHEMA_STRINGS:
	case SCHEMA_FLAGS:
	case SCHEMA_NETWORKS:
	case SCHEMA_LISTEN:
		break;
	}
	if (!ok)
		abort();
}

void schema_set_defaults(const char *section, void *base)
{
	schema_walk(section, set_default, base);
}

static void free_field(const struct schema_key *key, void *arg)
{
	if (key->type == SCHEMA_STRING || key->type == SCHEMA_PATH || key->type == SCHEMA_DATE) {
		char **slot = schema_field(key, arg);
		free(*slot);
		*slot = NULL;
	} else if (key->type == SCHEMA_SECRET) {
		char **slot = schema_field(key, arg);
		/* May be the secret itself. */
		if (*slot != NULL)
			secret_wipe(*slot, strlen(*slot));
		free(*slot);
		*slot = NULL;
	} else if (key->type == SCHEMA_STRINGS) {
		struct config_strings *list = schema_field(key, arg);
		for (size_t i = 0; i < list->n; i++)
			free(list->v[i]);
		free(list->v);
		*list = (struct config_strings){ 0 };
	}
}

void schema_free(const char *section, void *base)
{
	schema_walk(section, free_field, base);
}

void schema_append_text(struct strbuf *out, const struct schema_key *key, const void *base)
{
	const void *field = schema_field_const(key, base);
	unsigned index;
	int64_t number;
	char *text;
	switch (key->type) {
	case SCHEMA_STRING:
	case SCHEMA_PATH:
	case SCHEMA_SECRET:
	case SCHEMA_DATE:
		memcpy(&text, field, sizeof(text));
		strbuf_addstr(out, str_of(text));
		return;
	case SCHEMA_ENUM:
		memcpy(&index, field, sizeof(index));
		strbuf_adds(out, key->names[index]);
		return;
	case SCHEMA_BOOL:
		strbuf_adds(out, *(const bool *)field ? "true" : "false");
		return;
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
		memcpy(&number, field, sizeof(number));
		append_scalar(out, key->type, number);
		return;
	case SCHEMA_RATE:
		units_append_rate(out, *(const struct units_rate *)field);
		return;
	case SCHEMA_STRINGS:
	case SCHEMA_FLAGS:
	case SCHEMA_NETWORKS:
	case SCHEMA_LISTEN:
		return;
	}
}

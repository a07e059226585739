/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/units.h"
#include "config/print.h"
#include "config/quirk.h"
#include "config/schema.h"

enum {
	WIDTH = 79, /* of a terminal */
	HELP_COLUMN = 6,
	QUIRK_COLUMN = 24,
};

/* "limits.connections" */
static void append_path(struct strbuf *out, const struct schema_key *key)
{
	if (key->section[0] != '\0')
		strbuf_addf(out, "%s.", key->section);
	strbuf_adds(out, key->name);
}

/* "1 to 100000", "10ms to 1d", "none | starttls"; nothing for a string. */
static void append_values(struct strbuf *out, const struct schema_key *key)
{
	for (size_t i = 0; key->names != NULL && key->names[i] != NULL; i++)
		strbuf_addf(out, "%s%s", i != 0 ? " | " : "", key->names[i]);
	if (key->type == SCHEMA_NUMBER || key->type == SCHEMA_RATE) {
		strbuf_addf(out, "%lld to %lld", (long long)key->min, (long long)key->max);
	} else if (key->type == SCHEMA_SIZE) {
		units_append_size(out, (uint64_t)key->min);
		strbuf_adds(out, " to ");
		units_append_size(out, (uint64_t)key->max);
	} else if (key->type == SCHEMA_DURATION) {
		units_append_duration(out, key->min);
		strbuf_adds(out, " to ");
		units_append_duration(out, key->max);
	}
}

/* Ends the line. */
static void append_wrapped(struct strbuf *out, struct str text, size_t column, size_t indent)
{
	strbuf_add_wrapped(out, text, column, indent, WIDTH);
	strbuf_addc(out, '\n');
}

static void append_line(struct strbuf *out, const char *prefix, struct str text)
{
	strbuf_addf(out, "%*s%s", HELP_COLUMN, "", prefix);
	append_wrapped(out, text, HELP_COLUMN + strlen(prefix), HELP_COLUMN);
}

/* The words of `quirks`, each with what it does and who needs it. */
static void append_quirks(struct strbuf *out)
{
	for (size_t i = 0; i < quirk_count; i++) {
		strbuf_addf(out, "%*s%-17s ", HELP_COLUMN, "", quirk_rows[i].name);
		append_wrapped(out, str_of(quirk_rows[i].help), QUIRK_COLUMN, QUIRK_COLUMN);
		strbuf_addf(out, "%*sfor ", QUIRK_COLUMN, "");
		append_wrapped(out, str_of(quirk_rows[i].needed_by), QUIRK_COLUMN + 4,
			       QUIRK_COLUMN);
	}
}

static void append_key(const struct schema_key *key, void *arg)
{
	struct strbuf *out = arg;
	struct strbuf text;
	size_t start = out->n;
	strbuf_init(&text, 1024);
	append_values(&text, key);
	strbuf_adds(out, "  ");
	append_path(out, key);
	strbuf_addf(out, "  (%s", schema_type_name(key->type));
	if (text.n != 0)
		strbuf_adds(out, ": ");
	strbuf_addc(&text, ')');
	append_wrapped(out, strbuf_str(&text), out->n - start, HELP_COLUMN);
	append_line(out, "", str_of(key->help));
	strbuf_reset(&text);
	strbuf_addf(&text, "%s%s", key->def != NULL ? key->def : key->unset,
		    key->reload ? "" : "; a change needs a restart");
	append_line(out, "default: ", strbuf_str(&text));
	if (key->names == quirk_names)
		append_quirks(out);
	strbuf_done(&text);
}

/* What `only` names: a section (with those below it), or the keys of that name; or everything. */
struct selection {
	const struct schema_section *section;
	bool keys;
};

/* By its whole path or by its last word: "queue.lifetime", "lifetime". */
static bool is_named(const struct schema_key *key, struct str only)
{
	return str_eq(only, str_of(key->name)) || key == schema_key_by_path(only);
}

static bool select_keys(struct str only, struct selection *s)
{
	*s = (struct selection){ 0 };
	if (only.n == 0)
		return true;
	s->section = schema_section(only);
	for (size_t i = 0; s->section == NULL && i < schema_key_count; i++)
		s->keys = s->keys || is_named(&schema_keys[i], only);
	return s->section != NULL || s->keys;
}

static void walk_named(const struct selection *s, struct str only, schema_visit *visit, void *arg)
{
	for (size_t i = 0; s->keys && i < schema_key_count; i++)
		if (is_named(&schema_keys[i], only))
			visit(&schema_keys[i], arg);
}

static bool has_section(const struct selection *s, const struct schema_section *section)
{
	if (s->section == NULL)
		return !s->keys;
	size_t n = strlen(s->section->path);
	return strncmp(section->path, s->section->path, n) == 0 &&
	       (section->path[n] == '\0' || section->path[n] == '.');
}

bool print_keys(struct strbuf *out, struct str only)
{
	struct selection s;
	if (!select_keys(only, &s))
		return false;
	walk_named(&s, only, append_key, out);
	for (size_t i = 0; i < schema_section_count; i++) {
		const struct schema_section *section = &schema_sections[i];
		const char *shape = section->is_list ? " = ( { ... }, ... )" : " = { ... }";
		if (!has_section(&s, section))
			continue;
		if (section->path[0] == '\0')
			strbuf_addf(out, "At the top: %s\n\n", section->help);
		else
			strbuf_addf(out, "%s%s: %s\n\n", section->path, shape, section->help);
		schema_walk(section->path, append_key, out);
		strbuf_addc(out, '\n');
	}
	return true;
}

static void add_key_json(const struct schema_key *key, void *arg)
{
	cJSON *array = arg;
	struct strbuf text;
	cJSON *object = cJSON_CreateObject();
	strbuf_init(&text, 512);
	append_path(&text, key);
	cJSON_AddStringToObject(object, "key", strbuf_cstr(&text));
	cJSON_AddStringToObject(object, "type", schema_type_name(key->type));
	strbuf_reset(&text);
	append_values(&text, key);
	cJSON_AddStringToObject(object, "values", strbuf_cstr(&text));
	if (key->def != NULL)
		cJSON_AddStringToObject(object, "default", key->def);
	else
		cJSON_AddNullToObject(object, "default");
	cJSON_AddStringToObject(object, "unset", key->unset != NULL ? key->unset : "");
	cJSON_AddBoolToObject(object, "required", key->required);
	cJSON_AddBoolToObject(object, "reload", key->reload);
	cJSON_AddStringToObject(object, "help", key->help);
	cJSON_AddItemToArray(array, object);
	strbuf_done(&text);
}

cJSON *print_keys_json(struct str only)
{
	struct selection s;
	if (!select_keys(only, &s))
		return NULL;
	cJSON *array = cJSON_CreateArray();
	walk_named(&s, only, add_key_json, array);
	for (size_t i = 0; i < schema_section_count; i++)
		if (has_section(&s, &schema_sections[i]))
			schema_walk(schema_sections[i].path, add_key_json, array);
	return array;
}

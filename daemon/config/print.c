/* SPDX-License-Identifier: MIT */
#include "config/print.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/quote.h"
#include "config/schema.h"

enum {
	VALUE_MAX = 64 * 1024
};

/* ---- struct to JSON, by the schema */

/* An empty list is as none: what holds then is said by the row's `unset`. */
static cJSON *strings_json(const struct config_strings *list)
{
	if (list->n == 0)
		return cJSON_CreateNull();
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; i < list->n; i++)
		cJSON_AddItemToArray(array, cJSON_CreateString(list->v[i]));
	return array;
}

static cJSON *flags_json(const struct schema_key *key, unsigned bits)
{
	if (bits == 0)
		return cJSON_CreateNull();
	cJSON *array = cJSON_CreateArray();
	for (unsigned i = 0; key->names[i] != NULL; i++)
		if ((bits & 1u << i) != 0)
			cJSON_AddItemToArray(array, cJSON_CreateString(key->names[i]));
	return array;
}

static cJSON *allow_json(const struct config *config)
{
	cJSON *array = cJSON_CreateArray();
	for (size_t i = 0; i < config->allow_count; i++) {
		struct strbuf text;
		strbuf_init(&text, 128);
		network_append(&text, &config->allow[i]);
		cJSON_AddItemToArray(array, cJSON_CreateString(strbuf_cstr(&text)));
		strbuf_done(&text);
	}
	return array;
}

/* A secret's value, of which not even a copy is made; where it is kept is no secret. */
static bool is_hidden(const struct schema_key *key, const void *base)
{
	char *text;
	if (key->type != SCHEMA_SECRET)
		return false;
	memcpy(&text, schema_field_const(key, base), sizeof(text));
	struct str ref = str_of(text);
	return ref.n != 0 && !str_starts(ref, STR("file:")) && !str_starts(ref, STR("credential:"));
}

static void add_text(cJSON *object, const struct schema_key *key, const void *base)
{
	struct strbuf text;
	if (is_hidden(key, base)) {
		cJSON_AddStringToObject(object, key->name, PRINT_MASK);
		return;
	}
	strbuf_init(&text, VALUE_MAX);
	schema_append_text(&text, key, base);
	if (text.n == 0 && key->def == NULL)
		cJSON_AddNullToObject(object, key->name);
	else
		json_add_str(object, key->name, strbuf_str(&text));
	strbuf_done(&text);
}

/* 0 where the file is silent and there is no default: nothing that could be written. */
static void add_number(cJSON *object, const struct schema_key *key, uint64_t value)
{
	if (value == 0 && key->def == NULL)
		cJSON_AddNullToObject(object, key->name);
	else
		cJSON_AddNumberToObject(object, key->name, (double)value);
}

struct walk {
	cJSON *object;
	const void *base;
};

static void add_key(const struct schema_key *key, void *arg)
{
	const struct walk *w = arg;
	const void *field = schema_field_const(key, w->base);
	switch (key->type) {
	case SCHEMA_BOOL:
		cJSON_AddBoolToObject(w->object, key->name, *(const bool *)field);
		return;
	case SCHEMA_NUMBER:
		add_number(w->object, key, *(const uint64_t *)field);
		return;
	case SCHEMA_STRINGS:
		cJSON_AddItemToObject(w->object, key->name, strings_json(field));
		return;
	case SCHEMA_FLAGS:
		cJSON_AddItemToObject(w->object, key->name,
				      flags_json(key, *(const unsigned *)field));
		return;
	case SCHEMA_NETWORKS:
		cJSON_AddItemToObject(w->object, key->name, allow_json(w->base));
		return;
	case SCHEMA_LISTEN:
		return; /* is shown in its long form */
	case SCHEMA_STRING:
	case SCHEMA_PATH:
	case SCHEMA_SECRET:
	case SCHEMA_ENUM:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
	case SCHEMA_DATE:
	case SCHEMA_RATE:
		add_text(w->object, key, w->base);
		return;
	}
}

static cJSON *section_json(const struct schema_section *section, const void *base);

/* Those that the file itself lists: one that client_secret is short for is shown there. */
static cJSON *credentials_json(const struct schema_section *section,
			       const struct account_config *account)
{
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; account->client_secret_ref[0] == '\0' && i < account->credential_count;
	     i++)
		cJSON_AddItemToArray(list, section_json(section, &account->credentials[i]));
	return list;
}

static cJSON *list_json(const struct schema_section *section, const void *above)
{
	const struct config *config = above;
	if (section->base == SCHEMA_IN_CREDENTIAL)
		return credentials_json(section, above);
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; section->base == SCHEMA_IN_LISTENER && i < config->listener_count; i++)
		cJSON_AddItemToArray(list, section_json(section, &config->listeners[i]));
	for (size_t i = 0; section->base == SCHEMA_IN_DEVICE && i < config->device_count; i++)
		cJSON_AddItemToArray(list, section_json(section, &config->devices[i]));
	for (size_t i = 0; section->base == SCHEMA_IN_ACCOUNT && i < config->account_count; i++)
		cJSON_AddItemToArray(list, section_json(section, &config->accounts[i]));
	return list;
}

static cJSON *section_json(const struct schema_section *section, const void *base)
{
	cJSON *object = cJSON_CreateObject();
	schema_walk(section->path, add_key, &(struct walk){ object, base });
	for (size_t i = 0; i < schema_section_count; i++) {
		const struct schema_section *sub = &schema_sections[i];
		const char *name = schema_section_name(sub);
		if (sub == section || schema_subsection(section->path, str_of(name)) != sub)
			continue;
		cJSON_AddItemToObject(object, name,
				      sub->is_list ? list_json(sub, base)
						   : section_json(sub, base));
	}
	return object;
}

cJSON *print_json(const struct config *config)
{
	return section_json(schema_section(STR("")), config);
}

/* ---- JSON to the file's syntax */

static void indent(struct strbuf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		strbuf_adds(out, "    ");
}

static void append_scalar(struct strbuf *out, const cJSON *value)
{
	if (cJSON_IsString(value))
		quote_append(out, str_of(value->valuestring), SIZE_MAX);
	else if (cJSON_IsBool(value))
		strbuf_adds(out, cJSON_IsTrue(value) ? "true" : "false");
	else
		strbuf_addf(out, "%.0f", value->valuedouble);
}

static void append_strings(struct strbuf *out, const cJSON *array)
{
	const cJSON *item;
	strbuf_adds(out, "[");
	for (item = array->child; item != NULL; item = item->next) {
		strbuf_adds(out, item == array->child ? " " : ", ");
		append_scalar(out, item);
	}
	strbuf_adds(out, " ]");
}

static void append_members(struct strbuf *out, const struct schema_section *section,
			   const cJSON *object, unsigned depth);

static void append_list(struct strbuf *out, const struct schema_section *section,
			const cJSON *array, unsigned depth)
{
	const cJSON *item;
	strbuf_adds(out, "(");
	for (item = array->child; item != NULL; item = item->next) {
		strbuf_adds(out, item == array->child ? " {\n" : ", {\n");
		append_members(out, section, item, depth + 1);
		indent(out, depth);
		strbuf_adds(out, "}");
	}
	strbuf_adds(out, " )");
}

static void append_members(struct strbuf *out, const struct schema_section *section,
			   const cJSON *object, unsigned depth)
{
	const cJSON *item;
	for (item = object->child; item != NULL; item = item->next) {
		struct str name = str_of(item->string);
		const struct schema_section *sub = schema_subsection(section->path, name);
		const struct schema_key *key = schema_key(section->path, name);
		indent(out, depth);
		if (cJSON_IsNull(item) && key != NULL) {
			strbuf_addf(out, "# %s: %s\n", item->string, key->unset);
			continue;
		}
		strbuf_addf(out, "%s = ", item->string);
		if (sub != NULL && sub->is_list) {
			append_list(out, sub, item, depth);
		} else if (sub != NULL) {
			strbuf_adds(out, "{\n");
			append_members(out, sub, item, depth + 1);
			indent(out, depth);
			strbuf_adds(out, "}");
		} else if (cJSON_IsArray(item)) {
			append_strings(out, item);
		} else {
			append_scalar(out, item);
		}
		strbuf_adds(out, ";\n");
	}
}

void print_text(struct strbuf *out, const struct config *config)
{
	cJSON *json = print_json(config);
	append_members(out, schema_section(STR("")), json, 0);
	cJSON_Delete(json);
}

/* SPDX-License-Identifier: MIT */
#include "config/load_list.h"

#include <libconfig.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/quote.h"
#include "config/nearest.h"

static struct diag_place place_of(const config_setting_t *setting)
{
	return (struct diag_place){ config_setting_source_file(setting),
				    config_setting_source_line(setting) };
}

static const config_setting_t *element(const struct load_list *list, size_t i)
{
	return config_setting_get_elem(list->setting, (unsigned)i);
}

static size_t length(const struct load_list *list)
{
	return (size_t)config_setting_length(list->setting);
}

static struct str text_of(const config_setting_t *setting)
{
	return str_of(config_setting_get_string(setting));
}

bool load_list_is_strings(const struct load_list *list)
{
	int type = config_setting_type(list->setting);
	bool right = type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST;
	for (size_t i = 0; right && i < length(list); i++)
		right = config_setting_type(element(list, i)) == CONFIG_TYPE_STRING;
	if (!right)
		diag_error(list->diag, place_of(list->setting),
			   "%s must be a %s: %s = [ \"...\", \"...\" ];", list->key->name,
			   schema_type_name(list->key->type), list->key->name);
	return right;
}

/* Reports why about element i. */
static void report(const struct load_list *list, size_t i, const char *why)
{
	struct strbuf value;
	strbuf_init(&value, 1024);
	quote_append(&value, text_of(element(list, i)), 80);
	diag_error(list->diag, place_of(element(list, i)), "%s: %s %s", list->key->name,
		   strbuf_cstr(&value), why);
	strbuf_done(&value);
}

void load_list_strings(const struct load_list *list, struct config_strings *out)
{
	size_t n = length(list);
	out->v = mem_zalloc(n * sizeof(*out->v));
	for (size_t i = 0; i < n; i++) {
		struct str text = text_of(element(list, i));
		if (text.n > (uint64_t)list->key->max) {
			report(list, i, "is too long");
			continue;
		}
		out->v[out->n] = str_dup(text);
		diag_note_origin(list->diag, &out->v[out->n], place_of(element(list, i)));
		out->n++;
	}
}

static void report_flag(const struct load_list *list, size_t i)
{
	struct nearest near;
	struct strbuf why;
	strbuf_init(&why, 1024);
	nearest_begin(&near, text_of(element(list, i)));
	for (size_t n = 0; list->key->names[n] != NULL; n++)
		nearest_offer(&near, list->key->names[n]);
	if (near.best != NULL)
		strbuf_addf(&why, "is not known; did you mean \"%s\"?", near.best);
	else
		strbuf_addf(&why, "is not known; `oauthrelay config keys %s` lists all",
			    list->key->name);
	report(list, i, strbuf_cstr(&why));
	strbuf_done(&why);
}

void load_list_flags(const struct load_list *list, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < length(list); i++) {
		struct str text = text_of(element(list, i));
		unsigned n = 0;
		while (list->key->names[n] != NULL && !str_eq(text, str_of(list->key->names[n])))
			n++;
		if (list->key->names[n] != NULL)
			*out |= 1u << n;
		else
			report_flag(list, i);
	}
}

void load_list_networks(const struct load_list *list, struct config *config)
{
	size_t n = length(list);
	config->allow = mem_zalloc(n * sizeof(*config->allow));
	for (size_t i = 0; i < n; i++) {
		struct err err;
		struct network *net = &config->allow[config->allow_count];
		if (!network_parse(text_of(element(list, i)), net, &err)) {
			diag_error(list->diag, place_of(element(list, i)), "%s: %s",
				   list->key->name, err.text);
			continue;
		}
		diag_note_origin(list->diag, net, place_of(element(list, i)));
		config->allow_count++;
	}
}

void load_list_listeners(const struct load_list *list, struct config *config)
{
	const struct schema_key *address = schema_key("listeners", STR("address"));
	for (size_t i = 0; i < length(list); i++) {
		struct err err;
		struct listener_config *l = &config->listeners[config->listener_count++];
		schema_set_defaults("listeners", l);
		diag_note_origin(list->diag, l, place_of(element(list, i)));
		if (!schema_set_text(address, l, text_of(element(list, i)), &err))
			report(list, i, err.text);
	}
}

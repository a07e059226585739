/* SPDX-License-Identifier: MIT */
#include "config/load.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/quote.h"
#include "config/load_list.h"
#include "config/nearest.h"
#include "config/provider.h"
#include "config/schema.h"

enum {
	FILE_MAX = 4 * 1024 * 1024,
	LIST_MAX = 10000
};

#ifdef OAUTHRELAY_DEBUG
/*
 * libconfig 1.5 loses the string it has just read when a syntax error follows it. Nothing can be
 * done about those few bytes, so the leak sanitizer is told; the names are libconfig's, none is
 * ours.
 */
/* NOLINTBEGIN(readability-identifier-naming) */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}
/* NOLINTEND(readability-identifier-naming) */
#endif

/* One run of the loader. */
struct loader {
	struct config *config;
	struct diag *diag;
};

static struct diag_place place_of(const config_setting_t *setting)
{
	return (struct diag_place){ config_setting_source_file(setting),
				    config_setting_source_line(setting) };
}

static struct str name_of(const config_setting_t *setting)
{
	return str_of(config_setting_name(setting));
}

/* libconfig ends the process when its scanner cannot read, as from a folder; so look first. */
static bool is_readable_file(const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return err_errno(err, errno, "the configuration cannot be read");
	if (!S_ISREG(st.st_mode))
		return err_set(err, "the configuration is not a regular file");
	if (st.st_size > FILE_MAX)
		return err_set(err, "the configuration is larger than 4 MiB");
	return true;
}

static void set_include_dir(config_t *parsed, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return;
	char *dir = mem_strndup(path, (size_t)(slash - path));
	config_set_include_dir(parsed, dir);
	free(dir);
}

bool load_parse(struct config_t *parsed, struct diag *diag)
{
	struct err err;
	if (!is_readable_file(diag->path, &err)) {
		diag_error(diag, (struct diag_place){ diag->path, 0 }, "%s", err.text);
		return false;
	}
	set_include_dir(parsed, diag->path);
	if (config_read_file(parsed, diag->path) == CONFIG_TRUE)
		return true;
	const char *text = config_error_text(parsed);
	const char *file = config_error_file(parsed);
	bool syntax = text != NULL && strcmp(text, "syntax error") == 0;
	int line = config_error_line(parsed);
	diag_error(diag,
		   (struct diag_place){ file != NULL ? file : diag->path,
					line > 0 ? (unsigned)line : 0 },
		   "%s%s", text != NULL ? text : "the configuration cannot be read",
		   syntax ? " here or just before: is a ; or a quote missing, or a bracket open?"
			  : "");
	return false;
}

/* ---- one value */

/* "http://name:password@host" */
static bool may_hold_password(struct str value)
{
	return str_icontains(value, STR("://")) >= 0 && str_chr(value, '@') >= 0;
}

/* "key = value" as far as it helps; a secret is never repeated. */
static void report_value(struct loader *l, const struct schema_key *key,
			 const config_setting_t *setting, const char *why)
{
	struct strbuf value;
	strbuf_init(&value, 1024);
	bool is_text = config_setting_type(setting) == CONFIG_TYPE_STRING;
	if (is_text && key->type != SCHEMA_SECRET &&
	    !may_hold_password(str_of(config_setting_get_string(setting)))) {
		strbuf_addc(&value, ' ');
		quote_append(&value, str_of(config_setting_get_string(setting)), 80);
	}
	diag_error(l->diag, place_of(setting), "%s%s %s", key->name, strbuf_cstr(&value), why);
	strbuf_done(&value);
}

static void read_list(struct loader *l, const struct schema_key *key,
		      const config_setting_t *setting, void *base)
{
	struct load_list list = { .key = key, .diag = l->diag, .setting = setting };
	if (!load_list_is_strings(&list))
		return;
	if (key->type == SCHEMA_NETWORKS)
		load_list_networks(&list, l->config);
	else if (key->type == SCHEMA_LISTEN)
		load_list_listeners(&list, l->config);
	else if (key->type == SCHEMA_FLAGS)
		load_list_flags(&list, schema_field(key, base));
	else
		load_list_strings(&list, schema_field(key, base));
}

static bool is_list_type(enum schema_type type)
{
	return type == SCHEMA_STRINGS || type == SCHEMA_FLAGS || type == SCHEMA_NETWORKS ||
	       type == SCHEMA_LISTEN;
}

static bool read_scalar(const struct schema_key *key, const config_setting_t *setting, void *base,
			struct err *err)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return schema_set_text(key, base, str_of(config_setting_get_string(setting)), err);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return schema_set_number(key, base, config_setting_get_int64(setting), err);
	case CONFIG_TYPE_BOOL:
		if (key->type != SCHEMA_BOOL)
			break;
		schema_set_bool(key, base, config_setting_get_bool(setting) != 0);
		return true;
	default:
		break;
	}
	return err_set(err, "must be a %s", schema_type_name(key->type));
}

static void read_key(struct loader *l, const struct schema_key *key,
		     const config_setting_t *setting, void *base)
{
	struct err err;
	if (is_list_type(key->type))
		read_list(l, key, setting, base);
	else if (!read_scalar(key, setting, base, &err))
		report_value(l, key, setting, err.text);
	diag_note_origin(l->diag, schema_field(key, base), place_of(setting));
}

/* ---- unknown keys */

static void offer_key(const struct schema_key *key, void *arg)
{
	nearest_offer(arg, key->name);
}

/* A key in the wrong place is as common as a misspelt one. */
static const char *home_of(struct str name)
{
	for (size_t i = 0; i < schema_key_count; i++)
		if (str_eq(name, str_of(schema_keys[i].name)))
			return schema_keys[i].section;
	return NULL;
}

static void report_unknown(struct loader *l, const char *section, const config_setting_t *setting)
{
	struct nearest near;
	struct strbuf text;
	struct str name = name_of(setting);
	strbuf_init(&text, 1024);
	strbuf_adds(&text, "unknown key ");
	quote_append(&text, name, 64);
	nearest_begin(&near, name);
	schema_walk(section, offer_key, &near);
	for (size_t i = 0; i < schema_section_count; i++) {
		const char *sub = schema_section_name(&schema_sections[i]);
		if (sub[0] != '\0' && schema_subsection(section, str_of(sub)) != NULL)
			nearest_offer(&near, sub);
	}
	const char *home = home_of(name);
	if (near.best != NULL)
		strbuf_addf(&text, "; did you mean \"%s\"?", near.best);
	else if (home != NULL && home[0] == '\0')
		strbuf_adds(&text, "; it belongs at the top, outside of any group");
	else if (home != NULL)
		strbuf_addf(&text, "; it belongs into %s", home);
	else
		strbuf_adds(&text, "; `oauthrelay config keys` lists all");
	diag_error(l->diag, place_of(setting), "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

/* ---- groups and lists of groups */

struct required {
	struct loader *l;
	const config_setting_t *group;
	const struct schema_section *section;
};

static void check_required(const struct schema_key *key, void *arg)
{
	const struct required *r = arg;
	if (!key->required || config_setting_get_member(r->group, key->name) != NULL)
		return;
	if (r->section->path[0] == '\0')
		diag_error(r->l->diag, (struct diag_place){ r->l->diag->path, 0 },
			   "%s is missing: %s", key->name, key->help);
	else
		diag_error(r->l->diag, place_of(r->group), "this one of %s has no %s: %s",
			   r->section->path, key->name, key->help);
}

static void read_group(struct loader *l, const struct schema_section *section,
		       const config_setting_t *group, void *base);

/* Defaults of a section and of those below it. */
static void set_defaults(const struct schema_section *section, void *base)
{
	for (size_t i = 0; i < schema_section_count; i++) {
		const struct schema_section *s = &schema_sections[i];
		bool below = s == section || (s->base == section->base && !s->is_list);
		if (below)
			schema_set_defaults(s->path, base);
	}
}

static void set_preset(const config_setting_t *group, struct account_config *account)
{
	const char *name = NULL;
	config_setting_lookup_string(group, "provider", &name);
	provider_apply(provider_find(str_of(name)), account);
}

/* The array of a list section with n zeroed elements; of credentials: in the account above. */
static void *make_array(struct config *config, void *above, enum schema_base base, size_t n,
			size_t *each)
{
	struct account_config *account = above;
	switch (base) {
	case SCHEMA_IN_LISTENER:
		*each = sizeof(struct listener_config);
		config->listener_count += n;
		return config->listeners + config->listener_count - n;
	case SCHEMA_IN_DEVICE:
		*each = sizeof(struct device_config);
		config->devices = mem_zalloc(n * *each);
		config->device_count = n;
		return config->devices;
	case SCHEMA_IN_ACCOUNT:
		*each = sizeof(struct account_config);
		config->accounts = mem_zalloc(n * *each);
		config->account_count = n;
		return config->accounts;
	case SCHEMA_IN_CREDENTIAL:
		*each = sizeof(struct credential_config);
		account->credentials = mem_zalloc(n * *each);
		account->credential_count = n;
		return account->credentials;
	case SCHEMA_IN_CONFIG:
		break;
	}
	abort(); /* the table has no list of these; its unit test says so */
}

static void read_elements(struct loader *l, const struct schema_section *section,
			  const config_setting_t *list, void *above)
{
	int n = config_setting_length(list);
	size_t each;
	if (n > LIST_MAX) {
		diag_error(l->diag, place_of(list), "%s has more than %d entries", section->path,
			   LIST_MAX);
		return;
	}
	char *array = make_array(l->config, above, section->base, (size_t)n, &each);
	for (int i = 0; i < n; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		void *base = array + (size_t)i * each;
		set_defaults(section, base);
		if (section->base == SCHEMA_IN_CREDENTIAL)
			((struct credential_config *)base)->certificate_pem = mem_strdup("");
		if (section->base == SCHEMA_IN_ACCOUNT)
			set_preset(group, base);
		diag_note_origin(l->diag, base, place_of(group));
		read_group(l, section, group, base);
	}
}

static void read_section(struct loader *l, const struct schema_section *section,
			 const config_setting_t *setting, void *base)
{
	int type = config_setting_type(setting);
	bool right = type == (section->is_list ? CONFIG_TYPE_LIST : CONFIG_TYPE_GROUP);
	for (int i = 0; right && section->is_list && i < config_setting_length(setting); i++)
		right = config_setting_type(config_setting_get_elem(setting, (unsigned)i)) ==
			CONFIG_TYPE_GROUP;
	if (!right)
		diag_error(l->diag, place_of(setting),
			   section->is_list
				   ? "%s must be a list of groups: %s = ( { ... }, { ... } );"
				   : "%s must be a group: %s = { ... };",
			   schema_section_name(section), schema_section_name(section));
	else if (section->is_list)
		read_elements(l, section, setting, base);
	else
		read_group(l, section, setting, base);
}

static void read_group(struct loader *l, const struct schema_section *section,
		       const config_setting_t *group, void *base)
{
	struct required required = { l, group, section };
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		struct str name = name_of(setting);
		const struct schema_key *key = schema_key(section->path, name);
		const struct schema_section *sub = schema_subsection(section->path, name);
		if (key != NULL)
			read_key(l, key, setting, base);
		else if (sub != NULL)
			read_section(l, sub, setting, base);
		else
			report_unknown(l, section->path, setting);
	}
	schema_walk(section->path, check_required, &required);
}

static size_t length_of(const config_setting_t *root, const char *name)
{
	const config_setting_t *setting = config_setting_get_member(root, name);
	return setting != NULL ? (size_t)config_setting_length(setting) : 0;
}

void load_config(const struct config_t *parsed, struct config *config, struct diag *diag)
{
	struct loader l = { .config = config, .diag = diag };
	const struct schema_section *top = schema_section(STR(""));
	const config_setting_t *root = config_root_setting(parsed);
	/* Both forms go into one array, which must not move: findings are noted by address. */
	size_t listeners = length_of(root, "listen") + length_of(root, "listeners");
	config->listeners = mem_zalloc(listeners * sizeof(*config->listeners));
	set_defaults(top, config);
	read_group(&l, top, root, config);
}

static void wipe(const config_setting_t *setting)
{
	/* libconfig hands out what is its own. */
	const char *text = config_setting_type(setting) == CONFIG_TYPE_STRING
				   ? config_setting_get_string(setting)
				   : NULL;
	if (text != NULL) {
		char *own;
		memcpy(&own, &text, sizeof(own));
		secret_wipe(own, strlen(own));
	}
	for (int i = 0; config_setting_is_aggregate(setting) && i < config_setting_length(setting);
	     i++)
		wipe(config_setting_get_elem(setting, (unsigned)i));
}

void load_wipe(struct config_t *parsed)
{
	const config_setting_t *root = config_root_setting(parsed);
	if (root != NULL)
		wipe(root);
}

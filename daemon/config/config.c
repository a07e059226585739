/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "config/check.h"
#include "config/diag.h"
#include "config/finish.h"
#include "config/load.h"
#include "config/schema.h"

enum {
	REPORT_MAX = 1024 * 1024
};

void config_report_init(struct config_report *report)
{
	*report = (struct config_report){ 0 };
	strbuf_init(&report->errors, REPORT_MAX);
	strbuf_init(&report->warnings, REPORT_MAX);
}

void config_report_done(struct config_report *report)
{
	strbuf_done(&report->errors);
	strbuf_done(&report->warnings);
}

static struct config *new_config(const char *path)
{
	struct config *config = mem_zalloc(sizeof(*config));
	config->refs = 1;
	config->path = mem_strdup(path);
	return config;
}

static struct config *load(const char *path, bool by_hand, struct config_report *report)
{
	struct diag diag;
	struct config_t parsed;
	struct config *config = new_config(path);
	diag_init(&diag, path);
	diag.by_hand = by_hand;
	config_init(&parsed);
	if (load_parse(&parsed, &diag)) {
		load_config(&parsed, config, &diag);
		finish_config(config, &diag);
		check_config(config, &diag);
	}
	diag_report(&diag, report);
	bool failed = diag.error_count != 0;
	diag_done(&diag);
	load_wipe(&parsed);
	config_destroy(&parsed);
	if (failed) {
		config_unref(config);
		return NULL;
	}
	return config;
}

struct config *config_load(const char *path, struct config_report *report)
{
	return load(path, false, report);
}

struct config *config_load_by_hand(const char *path, struct config_report *report)
{
	return load(path, true, report);
}

struct config *config_ref(struct config *config)
{
	config->refs++;
	return config;
}

static void free_sections(enum schema_base base, void *fields)
{
	for (size_t i = 0; i < schema_section_count; i++)
		if (schema_sections[i].base == base)
			schema_free(schema_sections[i].path, fields);
}

static void free_credentials(struct account_config *account)
{
	for (size_t i = 0; i < account->credential_count; i++) {
		struct credential_config *credential = &account->credentials[i];
		secret_done(&credential->secret);
		secret_done(&credential->key);
		free(credential->certificate_pem);
		free_sections(SCHEMA_IN_CREDENTIAL, credential);
	}
	free(account->credentials);
	secret_done(&account->proxy.password);
}

void config_unref(struct config *config)
{
	if (config == NULL || --config->refs != 0)
		return;
	for (size_t i = 0; i < config->listener_count; i++)
		free_sections(SCHEMA_IN_LISTENER, &config->listeners[i]);
	for (size_t i = 0; i < config->device_count; i++)
		free_sections(SCHEMA_IN_DEVICE, &config->devices[i]);
	for (size_t i = 0; i < config->account_count; i++) {
		free_credentials(&config->accounts[i]);
		free_sections(SCHEMA_IN_ACCOUNT, &config->accounts[i]);
	}
	free_sections(SCHEMA_IN_CONFIG, config);
	secret_done(&config->proxy.password);
	free(config->listeners);
	free(config->allow);
	free(config->devices);
	free(config->accounts);
	free(config->path);
	free(config);
}

struct config *config_peek(const char *path, struct err *err)
{
	struct diag diag;
	struct config_t parsed;
	struct config *config = new_config(path);
	diag_init(&diag, path);
	config_init(&parsed);
	bool ok = load_parse(&parsed, &diag);
	if (ok) {
		load_config(&parsed, config, &diag);
		finish_users_file(config);
	} else {
		err_set(err, "%s:%u: %s", path, diag.findings[0].place.line, diag.findings[0].text);
		config_unref(config);
	}
	diag_done(&diag);
	load_wipe(&parsed);
	config_destroy(&parsed);
	return ok ? config : NULL;
}

char *config_peek_socket(const char *path)
{
	struct config_t parsed;
	struct diag diag;
	const char *found = NULL;
	const struct schema_key *key = schema_key("admin", STR("socket"));
	diag_init(&diag, path);
	config_init(&parsed);
	if (!load_parse(&parsed, &diag) ||
	    config_lookup_string(&parsed, "admin.socket", &found) != CONFIG_TRUE || found[0] != '/')
		found = key->def;
	char *socket = mem_strdup(found);
	load_wipe(&parsed);
	config_destroy(&parsed);
	diag_done(&diag);
	return socket;
}

const struct account_config *config_account(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->account_count; i++)
		if (strcmp(config->accounts[i].name, name) == 0)
			return &config->accounts[i];
	return NULL;
}

const struct device_config *config_device_named(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->device_count; i++)
		if (str_eq(str_of(config->devices[i].name), name))
			return &config->devices[i];
	return NULL;
}

const struct device_config *config_device(const struct config *config, const struct netaddr *addr)
{
	const struct device_config *best = NULL;
	for (size_t i = 0; i < config->device_count; i++) {
		const struct device_config *device = &config->devices[i];
		if (network_contains(&device->network, addr) &&
		    (best == NULL || device->network.bits > best->network.bits))
			best = device;
	}
	return best;
}

bool config_admits(const struct config *config, const struct netaddr *addr)
{
	for (size_t i = 0; i < config->allow_count; i++)
		if (network_contains(&config->allow[i], addr))
			return true;
	return config_device(config, addr) != NULL;
}

static bool matches(struct str pattern, struct str address, struct str domain)
{
	if (str_chr(pattern, '@') >= 0)
		return str_ieq(pattern, address);
	if (str_starts(pattern, STR("*.")))
		return domain.n > pattern.n - 1 && str_iends(domain, str_skip(pattern, 1));
	return str_ieq(pattern, domain);
}

bool config_pattern_matches(const struct config_strings *patterns, struct str address)
{
	size_t at = address.n;
	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at < 2)
		return false; /* no @, or nothing before it */
	struct str domain = str_skip(address, at);
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(str_of(patterns->v[i]), address, domain))
			return true;
	return false;
}

/* SPDX-License-Identifier: MIT */
#include "admin/show_devices.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "inbound/roster.h"

enum {
	TRANSCRIPTS_MAX = 100, /* of one answer; a device may have many addresses */
	NAME_MAX_BYTES = 256,
};

/* ---- values */

/* "first", "first_age_s": a monotonic time as the wall's, and how long ago it was. */
static void add_time(cJSON *json, const char *name, const char *age_name, int64_t mono_ms)
{
	struct strbuf text;
	int64_t age = clock_mono_ms() - mono_ms;
	strbuf_init(&text, 64);
	clock_append_iso(&text, clock_wall_ms() - age);
	cJSON_AddStringToObject(json, name, strbuf_cstr(&text));
	int64_t seconds = age / 1000;
	cJSON_AddNumberToObject(json, age_name, (double)seconds);
	strbuf_done(&text);
}

static void add_address(cJSON *json, const struct netaddr *addr)
{
	struct strbuf text;
	strbuf_init(&text, 64);
	netaddr_append(&text, addr);
	cJSON_AddStringToObject(json, "address", strbuf_cstr(&text));
	strbuf_done(&text);
}

/* ---- devices */

static cJSON *entry_json(const struct config *config, const struct roster_entry *e)
{
	const struct device_config *device = config_device(config, &e->addr);
	bool admitted = config_admits(config, &e->addr);
	cJSON *json = cJSON_CreateObject();
	admin_add_optional(json, "name", device != NULL ? device->name : NULL);
	add_address(json, &e->addr);
	cJSON_AddBoolToObject(json, "admitted", admitted);
	/* It wanted to send, and only its address was against it. */
	cJSON_AddBoolToObject(json, "not_allowed", e->not_allowed && !admitted);
	add_time(json, "first", "first_age_s", e->first_ms);
	add_time(json, "last", "last_age_s", e->last_ms);
	cJSON_AddNumberToObject(json, "open", (double)e->open);
	cJSON_AddNumberToObject(json, "connections", (double)e->connections);
	cJSON_AddNumberToObject(json, "accepted", (double)e->accepted);
	cJSON_AddNumberToObject(json, "refused", (double)e->refused);
	admin_add_optional(json, "tls", e->tls);
	admin_add_optional(json, "cipher", e->cipher);
	admin_add_optional(json, "login", e->login);
	admin_add_optional(json, "user", e->user != NULL && e->user[0] != '\0' ? e->user : NULL);
	admin_add_optional(json, "helo", e->helo);
	admin_add_optional(json, "error", e->error);
	admin_add_optional(json, "listener", e->listener);
	cJSON_AddNumberToObject(json, "transcripts", (double)e->transcript_count);
	return json;
}

/* A configured device that has not connected: all else is null. */
static cJSON *unseen_json(const struct device_config *device)
{
	static const char *const nulls[] = { "first", "first_age_s", "last",	"last_age_s",
					     "tls",   "cipher",	     "login",	"user",
					     "helo",  "error",	     "listener" };
	static const char *const zeros[] = { "open", "connections", "accepted", "refused",
					     "transcripts" };
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "name", str_of(device->name));
	json_add_str(json, "address", str_of(device->address));
	cJSON_AddBoolToObject(json, "admitted", true);
	cJSON_AddBoolToObject(json, "not_allowed", false);
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		cJSON_AddNullToObject(json, nulls[i]);
	for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
		cJSON_AddNumberToObject(json, zeros[i], 0);
	return json;
}

static bool is_seen(const struct config *config, const struct roster *roster,
		    const struct device_config *device)
{
	struct roster_walk walk = roster_walk(roster);
	const struct roster_entry *e;
	if (device->network.bits == 128)
		return roster_get(roster, &device->network.addr) != NULL;
	while ((e = roster_next(&walk)) != NULL)
		if (network_contains(&device->network, &e->addr) &&
		    config_device(config, &e->addr) == device)
			return true;
	return false;
}

struct page {
	cJSON *devices;
	uint64_t total; /* rows so far */
	uint64_t offset;
	uint64_t limit;
};

static bool is_on_page(struct page *page)
{
	uint64_t at = page->total++;
	return at >= page->offset && at - page->offset < page->limit;
}

struct admin_answer show_devices(const struct admin_request *request)
{
	const struct config *config = request->view->config;
	const struct roster *roster = request->view->roster;
	const struct roster_entry *e;
	struct page page = { 0 };
	if (!admin_query_page(request->query, &page.limit, &page.offset))
		return admin_bad_page();
	struct roster_walk walk = roster_walk(roster);
	cJSON *json = cJSON_CreateObject();
	page.devices = cJSON_CreateArray();
	while ((e = roster_next(&walk)) != NULL)
		if (is_on_page(&page))
			cJSON_AddItemToArray(page.devices, entry_json(config, e));
	for (size_t i = 0; i < config->device_count; i++)
		if (!is_seen(config, roster, &config->devices[i]) && is_on_page(&page))
			cJSON_AddItemToArray(page.devices, unseen_json(&config->devices[i]));
	cJSON_AddNumberToObject(json, "total", (double)page.total);
	cJSON_AddNumberToObject(json, "offset", (double)page.offset);
	cJSON_AddNumberToObject(json, "configured", (double)config->device_count);
	cJSON_AddItemToObject(json, "devices", page.devices);
	return (struct admin_answer){ .status = 200, .body = json };
}

/* ---- transcripts */

static cJSON *transcript_json(const struct transcript *t)
{
	struct strbuf text;
	cJSON *json = cJSON_CreateObject();
	add_address(json, &t->owner->addr);
	add_time(json, "started", "age_s", t->started_ms);
	cJSON_AddNumberToObject(json, "took_ms", (double)(t->ended_ms - t->started_ms));
	cJSON_AddBoolToObject(json, "failed", t->failed);
	admin_add_optional(json, "end", t->reason);
	cJSON *lines = cJSON_AddArrayToObject(json, "lines");
	strbuf_init(&text, 2 * t->max + 1024);
	transcript_append(&text, t);
	struct str rest = strbuf_str(&text);
	ptrdiff_t lf;
	while ((lf = str_chr(rest, '\n')) >= 0) {
		char *line = str_dup(str_head(rest, (size_t)lf));
		cJSON_AddItemToArray(lines, cJSON_CreateString(line));
		free(line);
		rest = str_skip(rest, (size_t)lf + 1);
	}
	strbuf_done(&text);
	return json;
}

struct found {
	const struct transcript *transcript;
};

static int by_start(const void *a, const void *b)
{
	int64_t x = ((const struct found *)a)->transcript->started_ms;
	int64_t y = ((const struct found *)b)->transcript->started_ms;
	return (x > y) - (x < y);
}

/* Which addresses are meant: one, or all of a device. */
struct whom {
	const struct config *config;
	struct netaddr addr;
	const struct device_config *device; /* NULL: addr */
};

static bool is_meant(const struct whom *whom, const struct roster_entry *e)
{
	if (whom->device == NULL)
		return memcmp(&whom->addr, &e->addr, sizeof(e->addr)) == 0;
	return network_contains(&whom->device->network, &e->addr) &&
	       config_device(whom->config, &e->addr) == whom->device;
}

/* False: there is no such device or address. */
static bool find_whom(struct str name, struct whom *out)
{
	const struct config *config = out->config;
	out->device = NULL;
	if (netaddr_parse(name, &out->addr))
		return true;
	for (size_t i = 0; i < config->device_count; i++)
		if (str_eq(name, str_of(config->devices[i].name)))
			out->device = &config->devices[i];
	return out->device != NULL;
}

static cJSON *collect(const struct roster *roster, const struct whom *whom)
{
	struct roster_walk walk = roster_walk(roster);
	const struct roster_entry *e;
	struct found *found = NULL;
	uint64_t connections = 0;
	size_t count = 0;
	while ((e = roster_next(&walk)) != NULL) {
		const struct transcript *t = NULL;
		if (!is_meant(whom, e))
			continue;
		connections += e->connections;
		TAILQ_FOREACH (t, &e->transcripts, of_address) {
			found = mem_realloc_array(found, count + 1, sizeof(*found));
			found[count++].transcript = t;
		}
	}
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "connections", (double)connections);
	cJSON_AddNumberToObject(json, "total", (double)count);
	cJSON *list = cJSON_AddArrayToObject(json, "transcripts");
	if (count != 0)
		qsort(found, count, sizeof(*found), by_start);
	for (size_t i = count > TRANSCRIPTS_MAX ? count - TRANSCRIPTS_MAX : 0; i < count; i++)
		cJSON_AddItemToArray(list, transcript_json(found[i].transcript));
	free(found);
	return json;
}

static struct admin_answer about(const struct admin_view *view, struct str name)
{
	struct whom whom = { .config = view->config };
	if (!find_whom(name, &whom))
		return admin_error(404, "there is no device of that name, and it is no address; "
					"`oauthrelay device list` shows all");
	cJSON *json = collect(view->roster, &whom);
	admin_add_optional(json, "name", whom.device != NULL ? whom.device->name : NULL);
	admin_add_setting(json, "log", "transcript", view->config);
	return (struct admin_answer){ .status = 200, .body = json };
}

struct admin_answer show_transcripts(const struct admin_request *request)
{
	size_t n = 0;
	if (request->rest.n > NAME_MAX_BYTES)
		return admin_error(404, "a name that long no device has");
	char *encoded = str_dup(request->rest);
	char *name = evhttp_uridecode(encoded, 0, &n);
	struct admin_answer answer = about(request->view, (struct str){ name, n });
	free(name);
	free(encoded);
	return answer;
}

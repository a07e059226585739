/* SPDX-License-Identifier: MIT */
#include "admin/routes.h"

#include <string.h>

#include "admin/show_devices.h"
#include "admin/show_queue.h"
#include "admin/show_status.h"
#include "common/json.h"
#include "config/schema.h"

const struct admin_route admin_routes[] = {
	{ "GET", "/v1/status", show_status, "accounts, queue, intake, listeners" },
	{ "GET", "/v1/queue", show_queue, "waiting messages: ?limit=50&offset=0" },
	{ "GET", "/v1/queue/", show_message, "one message by its id, or by the id's first digits" },
	{ "GET", "/v1/devices", show_devices,
	  "addresses that have connected, devices that have not: ?limit=50&offset=0" },
	{ "GET", "/v1/devices/", show_transcripts,
	  "NAME-OR-ADDRESS/transcript: what was said in its last sessions" },
};
const size_t admin_route_count = ARRAY_LEN(admin_routes);

struct admin_answer admin_error(int status, const char *text)
{
	cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "error", text);
	return (struct admin_answer){ status, body };
}

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 200,
};

static bool matches(const struct admin_route *route, struct str path)
{
	struct str mine = str_of(route->path);
	bool below = mine.p[mine.n - 1] == '/';
	return below ? str_starts(path, mine) && path.n > mine.n : str_eq(path, mine);
}

struct admin_answer admin_dispatch(const struct admin_view *view, struct str method,
				   struct str path, struct str query)
{
	bool known = false;
	for (size_t i = 0; i < admin_route_count; i++) {
		const struct admin_route *route = &admin_routes[i];
		bool is_here = matches(route, path);
		known = known || is_here;
		if (!is_here || !str_eq(method, str_of(route->method)))
			continue;
		const struct admin_request request = {
			.view = view,
			.rest = str_skip(path, strlen(route->path)),
			.query = query,
		};
		/* cppcheck-suppress returnDanglingLifetime ; nothing of the request is kept */
		return route->handler(&request);
	}
	return known ? admin_error(405, "this can only be read: use GET")
		     : admin_error(404, "there is nothing of that name");
}

bool admin_query_number(struct str query, const char *name, uint64_t max, uint64_t fallback,
			uint64_t *out)
{
	struct str wanted = str_of(name);
	*out = fallback;
	while (query.n != 0) {
		ptrdiff_t end = str_chr(query, '&');
		struct str pair = end >= 0 ? str_head(query, (size_t)end) : query;
		query = str_skip(query, pair.n + 1);
		if (str_starts(pair, wanted) && pair.n > wanted.n && pair.p[wanted.n] == '=')
			return str_to_u64(str_skip(pair, wanted.n + 1), max, out);
	}
	return true;
}

bool admin_query_page(struct str query, uint64_t *limit, uint64_t *offset)
{
	return admin_query_number(query, "limit", PAGE_MAX, PAGE_DEFAULT, limit) &&
	       admin_query_number(query, "offset", SIZE_MAX, 0, offset);
}

struct admin_answer admin_bad_page(void)
{
	return admin_error(400, "limit is a number up to 200, offset a number");
}

void admin_add_optional(cJSON *object, const char *name, const char *text)
{
	if (text != NULL)
		json_add_str(object, name, str_of(text));
	else
		cJSON_AddNullToObject(object, name);
}

void admin_add_setting(cJSON *object, const char *section, const char *key, const void *settings)
{
	struct strbuf text;
	strbuf_init(&text, 64);
	schema_append_text(&text, schema_key(section, str_of(key)), settings);
	cJSON_AddStringToObject(object, key, strbuf_cstr(&text));
	strbuf_done(&text);
}

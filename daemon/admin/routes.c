/* SPDX-License-Identifier: MIT */
#include "admin/routes.h"

#include <string.h>

#include "admin/account_certificate.h"
#include "admin/account_login.h"
#include "admin/account_secret.h"
#include "admin/metrics.h"
#include "admin/release_device.h"
#include "admin/show_accounts.h"
#include "admin/show_devices.h"
#include "admin/show_queue.h"
#include "admin/show_status.h"
#include "common/json.h"
#include "config/schema.h"

const struct admin_route admin_routes[] = {
	{ "GET", "/v1/status", show_status, "accounts, queue, intake, listeners" },
	{ "GET", "/metrics", show_metrics, "numbers for Prometheus" },
	{ "GET", "/v1/queue", show_queue, "waiting messages: ?limit=50&offset=0" },
	{ "GET", "/v1/queue/", show_message, "one message by its id, or by the id's first digits" },
	{ "GET", "/v1/accounts", show_accounts,
	  "how accounts get their tokens, with which credentials, until when" },
	{ "POST", "/v1/accounts/*/login", account_login,
	  "somebody has signed in: the endpoint's reply, and {\"binding\"}" },
	{ "POST", "/v1/accounts/*/secret", account_secret,
	  "a new client secret: {\"secret\", \"expires\"}; {\"forget\": true}" },
	{ "POST", "/v1/accounts/*/certificate", account_certificate,
	  "the certificate to upload, made if there is none: {\"new\": false}" },
	{ "GET", "/v1/devices", show_devices,
	  "addresses that have connected, devices that have not: ?limit=50&offset=0" },
	{ "GET", "/v1/devices/*/transcript", show_transcripts,
	  "what was said in the last sessions of a device or an address" },
	{ "POST", "/v1/devices/*/release", release_device,
	  "sends what is held because the device was above its rate" },
};
const size_t admin_route_count = ARRAY_LEN(admin_routes);

struct admin_answer admin_error(int status, const char *text)
{
	cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "error", text);
	return (struct admin_answer){ .status = status, .body = body };
}

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 200,
};

/* *rest: what the pattern leaves open. */
static bool matches(const char *pattern, struct str path, struct str *rest)
{
	struct str mine = str_of(pattern);
	ptrdiff_t star = str_chr(mine, '*');
	size_t before = star >= 0 ? (size_t)star : mine.n;
	*rest = str_skip(path, before);
	if (!str_starts(path, str_head(mine, before)))
		return false;
	if (star < 0)
		return mine.p[mine.n - 1] == '/' ? rest->n != 0 : rest->n == 0;
	ptrdiff_t end = str_chr(*rest, '/');
	size_t taken = end >= 0 ? (size_t)end : rest->n;
	bool ok = taken != 0 && str_eq(str_skip(*rest, taken), str_skip(mine, before + 1));
	*rest = str_head(*rest, taken);
	return ok;
}

/* The methods of all rows for this path; NULL when there is none. */
static const char *methods_of(struct str path)
{
	struct str rest;
	bool get = false, post = false;
	for (size_t i = 0; i < admin_route_count; i++) {
		if (!matches(admin_routes[i].path, path, &rest))
			continue;
		get = get || strcmp(admin_routes[i].method, "GET") == 0;
		post = post || strcmp(admin_routes[i].method, "POST") == 0;
	}
	if (get)
		return post ? "GET, POST" : "GET";
	return post ? "POST" : NULL;
}

static struct admin_answer run(const struct admin_route *route, struct admin_request *request,
			       struct str body)
{
	struct err err;
	cJSON *json = NULL;
	/* A GET may have one, too; it says nothing. */
	if (body.n != 0 && strcmp(route->method, "POST") == 0) {
		json = json_parse(body, &err);
		if (!cJSON_IsObject(json)) {
			json_delete_wiped(json);
			return admin_error(400, "the body must be empty or a JSON object");
		}
	}
	request->body = json;
	struct admin_answer answer = route->handler(request);
	json_delete_wiped(json);
	return answer;
}

struct admin_answer admin_dispatch(const struct admin_view *view, const struct admin_ops *ops,
				   const struct admin_call *call)
{
	struct admin_request request = {
		.view = view, .ops = ops, .query = call->query, .ticket = call->ticket
	};
	for (size_t i = 0; i < admin_route_count; i++) {
		const struct admin_route *route = &admin_routes[i];
		if (str_eq(call->method, str_of(route->method)) &&
		    matches(route->path, call->path, &request.rest))
			return run(route, &request, call->body);
	}
	const char *allow = methods_of(call->path);
	if (allow == NULL) {
		struct admin_answer nothing = admin_error(404, "there is nothing of that name");
		nothing.no_such_path = true;
		return nothing;
	}
	struct strbuf text;
	strbuf_init(&text, 256);
	strbuf_addf(&text, "this path takes another method: %s", allow);
	struct admin_answer answer = admin_error(405, strbuf_cstr(&text));
	strbuf_done(&text);
	answer.allow = allow;
	return answer;
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

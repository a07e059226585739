/* SPDX-License-Identifier: MIT */
#include "admin/release_device.h"

#include "common/json.h"
#include "common/quote.h"
#include "config/nearest.h"

enum {
	TEXT_MAX = 2048,
	NAME_SHOWN = 64
};

static struct admin_answer no_such_device(const struct admin_view *view, struct str name)
{
	const struct config *config = view->config;
	struct queue_held held;
	struct nearest near;
	struct strbuf text;
	nearest_begin(&near, name);
	for (size_t i = 0; i < config->device_count; i++)
		nearest_offer(&near, config->devices[i].name);
	for (size_t i = 0; queue_held_device(view->queue, i, &held); i++)
		nearest_offer(&near, held.device);
	strbuf_init(&text, TEXT_MAX);
	strbuf_adds(&text, "there is no device ");
	quote_append_bare(&text, name, NAME_SHOWN);
	if (near.best != NULL)
		strbuf_addf(&text, "; did you mean %s?", near.best);
	struct admin_answer answer = admin_error(404, strbuf_cstr(&text));
	strbuf_done(&text);
	return answer;
}

struct admin_answer release_device(const struct admin_request *request)
{
	const struct admin_view *view = request->view;
	struct str name = request->rest;
	if (config_device_named(view->config, name) == NULL &&
	    queue_held_count(view->queue, name) == 0)
		return no_such_device(view, name);
	size_t released = request->ops->release_device(request->ops->ctx, name);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "device", name);
	cJSON_AddNumberToObject(json, "released", (double)released);
	return (struct admin_answer){ .status = 200, .body = json };
}

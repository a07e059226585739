/* SPDX-License-Identifier: MIT */
#include "admin/show_status.h"

#include <unistd.h>

#include "admin/show_accounts.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/version.h"

static void add_number(cJSON *object, const char *name, uint64_t value)
{
	cJSON_AddNumberToObject(object, name, (double)value);
}

/* Seconds, rounded up so that "in 0 s" means now; null for what is not planned. */
static void add_seconds(cJSON *object, const char *name, int64_t ms)
{
	int64_t seconds = (ms + 999) / 1000;
	if (ms < 0)
		cJSON_AddNullToObject(object, name);
	else
		cJSON_AddNumberToObject(object, name, (double)seconds);
}

static cJSON *queue_json(const struct queue *queue)
{
	struct queue_totals totals;
	queue_totals(queue, &totals);
	int64_t age = totals.oldest_ms != 0 ? clock_wall_ms() - totals.oldest_ms : 0;
	cJSON *json = cJSON_CreateObject();
	add_number(json, "messages", totals.messages);
	add_number(json, "recipients", totals.recipients);
	add_number(json, "bytes", totals.bytes);
	/* The wall clock may have been set back since. */
	add_seconds(json, "oldest_age_s", age > 0 ? age : 0);
	add_number(json, "ready", totals.ready);
	add_number(json, "active", totals.active);
	add_number(json, "deferred", totals.deferred);
	add_number(json, "held", totals.held);
	add_number(json, "held_by_rate", totals.held_by_rate);
	add_number(json, "failed", totals.failed);
	add_number(json, "delivered_total", totals.delivered_total);
	add_number(json, "failed_total", totals.failed_total);
	return json;
}

static cJSON *held_json(const struct admin_view *view, const struct queue_held *held)
{
	const struct device_config *row = config_device_named(view->config, str_of(held->device));
	struct strbuf rate;
	cJSON *json = cJSON_CreateObject();
	strbuf_init(&rate, 64);
	if (row != NULL)
		units_append_rate(&rate, row->hold_above);
	json_add_str(json, "device", str_of(held->device));
	add_number(json, "messages", held->messages);
	json_add_str(json, "rate", strbuf_str(&rate)); /* "" when it has none any more */
	strbuf_done(&rate);
	return json;
}

static cJSON *account_json(const struct account *account)
{
	struct account_status s;
	const struct account_config *config = account_config_of(account);
	account_status(account, &s);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "name", str_of(s.name));
	json_add_str(json, "provider", str_of(config->provider));
	json_add_str(json, "mailbox", str_of(config->mailbox));
	json_add_str(json, "host", str_of(config->host));
	cJSON_AddStringToObject(json, "state", account_state_name(s.state));
	json_add_str(json, "reason", str_of(s.reason));
	json_add_str(json, "remedy", str_of(s.remedy));
	add_seconds(json, "next_try_s", s.next_try_ms);
	show_accounts_add_token(json, account);
	add_number(json, "sessions", s.sessions);
	add_number(json, "active", s.active);
	add_number(json, "waiting", s.waiting);
	return json;
}

static cJSON *listener_json(const struct inbound *inbound, const struct listener_config *listener)
{
	struct inbound_listener_counters counters =
		inbound_listener_counters(inbound, listener->address);
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "address", str_of(listener->address));
	admin_add_setting(json, "listeners", "tls", listener);
	admin_add_setting(json, "listeners", "auth", listener);
	add_number(json, "connections", counters.connections_now);
	add_number(json, "connections_total", counters.connections_total);
	return json;
}

static cJSON *intake_json(const struct inbound_counters *c)
{
	cJSON *json = cJSON_CreateObject();
	add_number(json, "accepted", c->accepted_total);
	add_number(json, "refused", c->refused_total);
	add_number(json, "connections", c->connections_now);
	add_number(json, "connections_total", c->connections_total);
	return json;
}

struct admin_answer show_status(const struct admin_request *request)
{
	const struct admin_view *view = request->view;
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "version", version_string());
	cJSON_AddNumberToObject(json, "pid", getpid());
	json_add_str(json, "config", str_of(view->config->path));
	add_seconds(json, "uptime_s", clock_mono_ms() - view->started_ms);
	cJSON_AddItemToObject(json, "queue", queue_json(view->queue));
	cJSON *accounts = cJSON_AddArrayToObject(json, "accounts");
	for (size_t i = 0; i < queue_account_count(view->queue); i++)
		cJSON_AddItemToArray(accounts, account_json(queue_account(view->queue, i)));
	struct queue_held held;
	cJSON *devices = cJSON_AddArrayToObject(json, "held_devices");
	for (size_t i = 0; queue_held_device(view->queue, i, &held); i++)
		cJSON_AddItemToArray(devices, held_json(view, &held));
	cJSON *listeners = cJSON_AddArrayToObject(json, "listeners");
	for (size_t i = 0; i < view->config->listener_count; i++)
		cJSON_AddItemToArray(listeners,
				     listener_json(view->inbound, &view->config->listeners[i]));
	cJSON_AddItemToObject(json, "intake", intake_json(&view->intake));
	return (struct admin_answer){ .status = 200, .body = json };
}

/* SPDX-License-Identifier: MIT */
#include "message/envelope.h"

#include <stdlib.h>

#include "common/attr.h"
#include "common/json.h"
#include "common/mem.h"

static const char *const body_names[] = {
	[BODY_7BIT] = "7BIT",
	[BODY_8BITMIME] = "8BITMIME",
};

static const char *const hold_names[] = {
	[ENVELOPE_HOLD_NONE] = NULL,
	[ENVELOPE_HOLD_RATE] = "rate",
};

void envelope_done(struct envelope *e)
{
	free(e->peer);
	free(e->helo);
	free(e->device);
	free(e->user);
	address_done(&e->reverse_path);
	for (size_t i = 0; i < e->recipient_count; i++)
		address_done(&e->recipients[i]);
	free(e->recipients);
	*e = (struct envelope){ .body = BODY_7BIT };
}

static struct address *new_recipient(struct envelope *e)
{
	/* Room grows by doubling: full whenever the count is a power of two. */
	if ((e->recipient_count & (e->recipient_count - 1)) == 0) {
		size_t room = e->recipient_count != 0 ? e->recipient_count * 2 : 1;
		e->recipients = mem_realloc_array(e->recipients, room, sizeof(*e->recipients));
	}
	return &e->recipients[e->recipient_count++];
}

void envelope_add_recipient(struct envelope *e, const struct address *a)
{
	struct address copy = { mem_strdup(a->local), mem_strdup(a->domain) };
	*new_recipient(e) = copy;
}

void envelope_copy(struct envelope *to, const struct envelope *from)
{
	*to = (struct envelope){
		.id = from->id,
		.accepted_ms = from->accepted_ms,
		.body = from->body,
		.hold = from->hold,
		.reverse_path = { mem_strdup(from->reverse_path.local),
				  mem_strdup(from->reverse_path.domain) },
	};
	mem_replace_str(&to->peer, from->peer);
	mem_replace_str(&to->helo, from->helo);
	mem_replace_str(&to->device, from->device);
	mem_replace_str(&to->user, from->user);
	for (size_t i = 0; i < from->recipient_count; i++)
		envelope_add_recipient(to, &from->recipients[i]);
}

static cJSON *address_json(const struct address *a)
{
	struct strbuf text;
	strbuf_init(&text, 1024);
	address_append(&text, a);
	cJSON *value = cJSON_CreateString(strbuf_cstr(&text));
	strbuf_done(&text);
	return value;
}

static void add_optional(cJSON *object, const char *key, const char *value)
{
	if (value != NULL)
		json_add_str(object, key, str_of(value));
}

void envelope_append_json(struct strbuf *out, const struct envelope *e)
{
	cJSON *object = cJSON_CreateObject();
	struct msgid_text id = msgid_text(&e->id);
	cJSON_AddStringToObject(object, "id", id.hex);
	cJSON_AddNumberToObject(object, "accepted", (double)e->accepted_ms);
	add_optional(object, "peer", e->peer);
	add_optional(object, "helo", e->helo);
	add_optional(object, "device", e->device);
	add_optional(object, "user", e->user);
	cJSON_AddStringToObject(object, "body", body_names[e->body]);
	add_optional(object, "hold", hold_names[e->hold]);
	cJSON_AddItemToObject(object, "from", address_json(&e->reverse_path));
	cJSON *to = cJSON_AddArrayToObject(object, "to");
	for (size_t i = 0; i < e->recipient_count; i++)
		cJSON_AddItemToArray(to, address_json(&e->recipients[i]));
	json_append(out, object);
	cJSON_Delete(object);
}

/* As a path, so that the null path and a bare postmaster come back as they went. */
static bool parse_address(struct str text, struct address *out, struct err *err)
{
	struct strbuf path;
	struct str rest;
	strbuf_init(&path, 1024);
	strbuf_addc(&path, '<');
	strbuf_addstr(&path, text);
	strbuf_addc(&path, '>');
	bool ok = !path.overflow && address_parse_path(strbuf_str(&path), out, &rest, err);
	if (path.overflow)
		err_set(err, "the address is too long");
	if (ok && rest.n != 0) {
		address_done(out);
		ok = err_set(err, "something follows the address");
	}
	strbuf_done(&path);
	return ok;
}

static bool missing(struct err *err, const char *key)
{
	return err_set(err, "the envelope's \"%s\" is missing or wrong", key);
}

static bool parse_recipients(const cJSON *object, struct envelope *e, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "to");
	const cJSON *item;
	if (!cJSON_IsArray(list) || list->child == NULL)
		return missing(err, "to");
	cJSON_ArrayForEach (item, list) {
		struct address a;
		if (!cJSON_IsString(item))
			return missing(err, "to");
		if (!parse_address(str_of(item->valuestring), &a, err))
			return err_prefix(err, "the envelope's \"to\"");
		if (address_is_null(&a)) {
			address_done(&a);
			return missing(err, "to");
		}
		*new_recipient(e) = a;
	}
	return true;
}

static bool parse_body_type(struct str name, enum body_type *out)
{
	for (size_t i = 0; i < ARRAY_LEN(body_names); i++)
		if (str_eq(name, str_of(body_names[i]))) {
			*out = (enum body_type)i;
			return true;
		}
	return false;
}

static bool parse_hold(const cJSON *object, enum envelope_hold *out, struct err *err)
{
	struct str text;
	if (cJSON_GetObjectItemCaseSensitive(object, "hold") == NULL)
		return true;
	if (!json_get_str(object, "hold", &text) ||
	    !str_eq(text, str_of(hold_names[ENVELOPE_HOLD_RATE])))
		return missing(err, "hold");
	*out = ENVELOPE_HOLD_RATE;
	return true;
}

/* Absent is NULL; a member of another type is an error. */
static bool get_optional(const cJSON *object, const char *key, char **out, struct err *err)
{
	struct str text;
	if (cJSON_GetObjectItemCaseSensitive(object, key) == NULL)
		return true;
	if (!json_get_str(object, key, &text))
		return missing(err, key);
	*out = str_dup(text);
	return true;
}

static bool parse_object(const cJSON *object, struct envelope *e, struct err *err)
{
	struct str text;
	if (!json_get_str(object, "id", &text) || !msgid_parse(text, &e->id))
		return missing(err, "id");
	if (!json_get_int(object, "accepted", &e->accepted_ms))
		return missing(err, "accepted");
	if (!json_get_str(object, "body", &text) || !parse_body_type(text, &e->body))
		return missing(err, "body");
	if (!json_get_str(object, "from", &text))
		return missing(err, "from");
	if (!parse_address(text, &e->reverse_path, err))
		return err_prefix(err, "the envelope's \"from\"");
	return get_optional(object, "peer", &e->peer, err) &&
	       get_optional(object, "helo", &e->helo, err) &&
	       get_optional(object, "device", &e->device, err) &&
	       get_optional(object, "user", &e->user, err) && parse_hold(object, &e->hold, err) &&
	       parse_recipients(object, e, err);
}

bool envelope_parse_json(struct str json, struct envelope *out, struct err *err)
{
	struct envelope e = { .body = BODY_7BIT };
	cJSON *object = json_parse(json, err);
	if (object == NULL)
		return false;
	bool ok = cJSON_IsObject(object) ? parse_object(object, &e, err)
					 : err_set(err, "the envelope is no JSON object");
	cJSON_Delete(object);
	if (ok)
		*out = e;
	else
		envelope_done(&e);
	return ok;
}

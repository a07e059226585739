/* SPDX-License-Identifier: MIT */
#include "message/envelope.h"

#include <stdlib.h>

#include "common/attr.h"
#include "common/json.h"
#include "common/mem.h"
#include "message/xtext.h"

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
	free(e->envid);
	address_done(&e->reverse_path);
	for (size_t i = 0; i < e->recipient_count; i++) {
		address_done(&e->recipients[i].address);
		if (e->recipients[i].dsn != NULL)
			dsn_request_done(e->recipients[i].dsn);
		free(e->recipients[i].dsn);
	}
	free(e->recipients);
	*e = (struct envelope){ .body = BODY_7BIT };
}

static struct envelope_recipient *new_recipient(struct envelope *e)
{
	/* Room grows by doubling: full whenever the count is a power of two. */
	if ((e->recipient_count & (e->recipient_count - 1)) == 0) {
		size_t room = e->recipient_count != 0 ? e->recipient_count * 2 : 1;
		e->recipients = mem_realloc_array(e->recipients, room, sizeof(*e->recipients));
	}
	return &e->recipients[e->recipient_count++];
}

/* Owns a from here on. */
static void add_recipient(struct envelope *e, struct address a, const struct dsn_request *dsn)
{
	struct envelope_recipient *r = new_recipient(e);
	*r = (struct envelope_recipient){ .address = a };
	if (dsn != NULL && (dsn->notify != 0 || dsn->orcpt != NULL)) {
		r->dsn = mem_zalloc(sizeof(*r->dsn));
		dsn_request_copy(r->dsn, dsn);
	}
}

void envelope_add_recipient(struct envelope *e, const struct address *a,
			    const struct dsn_request *dsn)
{
	struct address copy;
	address_copy(&copy, a);
	add_recipient(e, copy, dsn);
}

void envelope_copy(struct envelope *to, const struct envelope *from)
{
	*to = (struct envelope){
		.id = from->id,
		.accepted_ms = from->accepted_ms,
		.body = from->body,
		.smtputf8 = from->smtputf8,
		.ret = from->ret,
		.hold = from->hold,
	};
	address_copy(&to->reverse_path, &from->reverse_path);
	mem_replace_str(&to->peer, from->peer);
	mem_replace_str(&to->helo, from->helo);
	mem_replace_str(&to->device, from->device);
	mem_replace_str(&to->user, from->user);
	mem_replace_str(&to->envid, from->envid);
	for (size_t i = 0; i < from->recipient_count; i++)
		envelope_add_recipient(to, &from->recipients[i].address, from->recipients[i].dsn);
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

static void add_xtext(cJSON *object, const char *key, const char *value)
{
	struct strbuf text;
	if (value == NULL)
		return;
	strbuf_init(&text, 1024);
	xtext_append(&text, str_of(value));
	cJSON_AddStringToObject(object, key, strbuf_cstr(&text));
	strbuf_done(&text);
}

/* "a@b.c", or where something was asked {"to":"a@b.c","notify":"NEVER","orcpt":"rfc822;d@e.f"} */
static cJSON *recipient_json(const struct envelope_recipient *r)
{
	struct strbuf notify;
	if (r->dsn == NULL)
		return address_json(&r->address);
	cJSON *object = cJSON_CreateObject();
	cJSON_AddItemToObject(object, "to", address_json(&r->address));
	strbuf_init(&notify, 64);
	dsn_append_notify(&notify, r->dsn->notify);
	if (notify.n != 0)
		cJSON_AddStringToObject(object, "notify", strbuf_cstr(&notify));
	strbuf_done(&notify);
	add_xtext(object, "orcpt", r->dsn->orcpt);
	return object;
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
	if (e->smtputf8)
		cJSON_AddTrueToObject(object, "smtputf8");
	if (e->ret != DSN_RET_UNSET)
		cJSON_AddStringToObject(object, "ret", dsn_ret_name(e->ret));
	add_xtext(object, "envid", e->envid);
	cJSON_AddItemToObject(object, "from", address_json(&e->reverse_path));
	cJSON *to = cJSON_AddArrayToObject(object, "to");
	for (size_t i = 0; i < e->recipient_count; i++)
		cJSON_AddItemToArray(to, recipient_json(&e->recipients[i]));
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
	bool ok = !path.overflow &&
		  address_parse_path(strbuf_str(&path), ADDRESS_UTF8, out, &rest, err);
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

/* Absent is fine, and leaves *out empty; a member of another type is an error. */
static bool get_text(const cJSON *object, const char *key, struct str *out, struct err *err)
{
	*out = (struct str){ NULL, 0 };
	return cJSON_GetObjectItemCaseSensitive(object, key) == NULL ||
	       json_get_str(object, key, out) || missing(err, key);
}

static bool parse_dsn(const cJSON *object, struct dsn_request *out, struct err *err)
{
	struct str notify, orcpt;
	if (!get_text(object, "notify", &notify, err) || !get_text(object, "orcpt", &orcpt, err))
		return false;
	if (notify.p != NULL && !dsn_parse_notify(notify, &out->notify))
		return missing(err, "notify");
	return orcpt.p == NULL || dsn_parse_orcpt(orcpt, &out->orcpt) || missing(err, "orcpt");
}

static bool parse_recipient(const cJSON *item, struct envelope *e, struct err *err)
{
	struct dsn_request dsn = { 0 };
	struct address a;
	struct str text;
	if (cJSON_IsString(item))
		text = str_of(item->valuestring);
	else if (!json_get_str(item, "to", &text))
		return missing(err, "to");
	if (!parse_address(text, &a, err))
		return err_prefix(err, "the envelope's \"to\"");
	bool ok = !address_is_null(&a) || missing(err, "to");
	ok = ok && parse_dsn(item, &dsn, err);
	if (ok)
		add_recipient(e, a, &dsn);
	else
		address_done(&a);
	dsn_request_done(&dsn);
	return ok;
}

static bool parse_recipients(const cJSON *object, struct envelope *e, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "to");
	const cJSON *item;
	if (!cJSON_IsArray(list) || list->child == NULL)
		return missing(err, "to");
	cJSON_ArrayForEach (item, list)
		if (!parse_recipient(item, e, err))
			return false;
	return true;
}

/* What files have only where it was asked for. */
static bool parse_extensions(const cJSON *object, struct envelope *e, struct err *err)
{
	const cJSON *utf8 = cJSON_GetObjectItemCaseSensitive(object, "smtputf8");
	struct str ret, envid;
	if (utf8 != NULL && !cJSON_IsBool(utf8))
		return missing(err, "smtputf8");
	e->smtputf8 = cJSON_IsTrue(utf8);
	if (!get_text(object, "ret", &ret, err) || !get_text(object, "envid", &envid, err))
		return false;
	if (ret.p != NULL && !dsn_parse_ret(ret, &e->ret))
		return missing(err, "ret");
	return envid.p == NULL || dsn_parse_envid(envid, &e->envid) || missing(err, "envid");
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

/* Absent is NULL. */
static bool get_optional(const cJSON *object, const char *key, char **out, struct err *err)
{
	struct str text;
	if (!get_text(object, key, &text, err))
		return false;
	*out = text.p != NULL ? str_dup(text) : NULL;
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
	       parse_extensions(object, e, err) && parse_recipients(object, e, err);
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

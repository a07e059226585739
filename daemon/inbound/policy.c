/* SPDX-License-Identifier: MIT */
#include "inbound/policy.h"

#include <string.h>

#include "inbound/sreply.h"

enum {
	ADDRESS_MAX = 1024,
	ADDRESS_SHOWN = 64,
};

static bool is_set(const struct config_strings *list)
{
	return list != NULL && list->n != 0;
}

static const struct config_strings *device_senders(const struct policy *policy)
{
	return policy->row != NULL ? &policy->row->senders : NULL;
}

static const struct config_strings *user_senders(const struct policy *policy)
{
	return policy->user != NULL ? &policy->user->senders : NULL;
}

/* Some servers still read u%there@here and there!u@here as a way to somewhere else. */
static bool names_another_way(const struct address *a)
{
	return strpbrk(a->local, "@%!") != NULL;
}

static bool is_listed(const struct config_strings *list, struct str text)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_ieq(str_of(list->v[i]), text))
			return true;
	return false;
}

static bool is_allowed(const struct config_strings *list, const struct address *a)
{
	struct strbuf text;
	if (!is_set(list))
		return true;
	strbuf_init(&text, ADDRESS_MAX);
	address_append(&text, a);
	bool ok = !text.overflow &&
		  (names_another_way(a) ? is_listed(list, strbuf_str(&text))
					: config_pattern_matches(list, strbuf_str(&text)));
	strbuf_done(&text);
	return ok;
}

/* --- refusals ------------------------------------------------------------------------------ */

/* "5.7.1 xerox-3f" */
static void append_who(struct strbuf *out, const struct policy *policy, bool is_user)
{
	strbuf_adds(out, "5.7.1 ");
	if (is_user) {
		strbuf_adds(out, "user ");
		strbuf_addstr(out, str_head(str_of(policy->user->name), ADDRESS_SHOWN));
	} else if (policy->access->device != NULL) {
		strbuf_adds(out, policy->access->device);
	} else {
		netaddr_append(out, &policy->access->addr);
	}
}

static bool refuse(const struct policy *policy, bool is_user, const char *verb, struct str what,
		   struct inbound_refusal *why)
{
	struct strbuf text;
	strbuf_init(&text, ADDRESS_MAX);
	append_who(&text, policy, is_user);
	strbuf_addf(&text, " may not %s ", verb);
	strbuf_addstr(&text, str_head(what, ADDRESS_SHOWN));
	if (what.n > ADDRESS_SHOWN)
		strbuf_adds(&text, "...");
	refusal_set(why, 550, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
	return false;
}

static bool refuse_address(const struct policy *policy, bool is_user, const char *verb,
			   const struct address *a, struct inbound_refusal *why)
{
	struct strbuf text;
	strbuf_init(&text, ADDRESS_MAX);
	address_append(&text, a);
	refuse(policy, is_user, verb, strbuf_str(&text), why);
	strbuf_done(&text);
	return false;
}

/* --- the envelope -------------------------------------------------------------------------- */

bool policy_sender(const struct policy *policy, const struct address *sender,
		   struct inbound_refusal *why)
{
	if (address_is_null(sender))
		return true;
	if (!is_allowed(device_senders(policy), sender))
		return refuse_address(policy, false, "send as", sender, why);
	return is_allowed(user_senders(policy), sender) ||
	       refuse_address(policy, true, "send as", sender, why);
}

bool policy_recipient(const struct policy *policy, const struct address *recipient,
		      struct inbound_refusal *why)
{
	if (policy->row != NULL && !is_allowed(&policy->row->recipients, recipient))
		return refuse_address(policy, false, "send to", recipient, why);
	return policy->user == NULL || is_allowed(&policy->user->recipients, recipient) ||
	       refuse_address(policy, true, "send to", recipient, why);
}

/* --- the header ---------------------------------------------------------------------------- */

bool policy_wants_header(const struct policy *policy)
{
	return is_set(device_senders(policy)) || is_set(user_senders(policy));
}

static bool list_allows(const void *arg, struct str text)
{
	struct address a;
	struct err err;
	if (!address_parse(text, &a, &err))
		return false;
	bool ok = is_allowed(arg, &a);
	address_done(&a);
	return ok;
}

static bool check_header(const struct policy *policy, bool is_user,
			 const struct config_strings *list, const struct sender_capture *capture,
			 struct inbound_refusal *why)
{
	struct sender_field field = { .readable = false };
	struct strbuf scratch, what;
	strbuf_init(&scratch, SENDER_CAPTURE_MAX);
	strbuf_init(&what, SENDER_CAPTURE_MAX);
	bool ok =
		!is_set(list) || sender_capture_check(capture, list_allows, list, &scratch, &field);
	if (!ok) {
		strbuf_addstr(&what, field.name);
		strbuf_adds(&what, field.readable ? ": " : " so that it can be misread");
		strbuf_addstr(&what, field.address);
		refuse(policy, is_user, "write", strbuf_str(&what), why);
	}
	strbuf_done(&scratch);
	strbuf_done(&what);
	return ok;
}

bool policy_header(const struct policy *policy, const struct sender_capture *capture,
		   struct inbound_refusal *why)
{
	if (capture->fields.overflow)
		return refuse(policy, !is_set(device_senders(policy)), "write",
			      STR("so long a From or Sender"), why);
	return check_header(policy, false, device_senders(policy), capture, why) &&
	       check_header(policy, true, user_senders(policy), capture, why);
}

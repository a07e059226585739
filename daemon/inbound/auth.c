/* SPDX-License-Identifier: MIT */
#include "inbound/auth.h"

#include "common/attr.h"
#include "common/base64.h"
#include "common/mem.h"

enum {
	USER_MAX = 1024
};

static const struct prompt_row {
	const char *user;
	const char *password;
} prompt_rows[] = {
	[AUTH_PROMPTS_USUAL] = { "VXNlcm5hbWU6", "UGFzc3dvcmQ6" },
	[AUTH_PROMPTS_USER_NAME] = { "VXNlciBOYW1lAA==", "UGFzc3dvcmQA" },
};

static const char *const mechanism_names[] = {
	[AUTH_PLAIN] = "PLAIN",
	[AUTH_LOGIN] = "LOGIN",
};

bool auth_mechanism_of(struct str name, enum auth_mechanism *out)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanism_names); i++)
		if (str_ieq(name, str_of(mechanism_names[i]))) {
			*out = (enum auth_mechanism)i;
			return true;
		}
	return false;
}

static bool decode(struct str text, struct secret *out)
{
	struct strbuf bytes;
	/* Room for all of it from the start: a buffer that grows leaves copies behind. */
	strbuf_init(&bytes, text.n);
	bytes.room = text.n + 1;
	bytes.p = mem_zalloc(bytes.room);
	bool ok = base64_decode(&bytes, text);
	if (ok)
		secret_set(out, strbuf_str(&bytes));
	secret_wipe(bytes.p, bytes.room);
	strbuf_done(&bytes);
	return ok;
}

static bool user_is_sane(struct str user)
{
	for (size_t i = 0; i < user.n; i++)
		if ((unsigned char)user.p[i] < 0x20 || user.p[i] == 0x7f)
			return false;
	return user.n <= USER_MAX;
}

/* [authzid] NUL authcid NUL passwd (RFC 4616 section 2) */
static enum auth_result take_plain(struct auth_dialogue *d, struct str message)
{
	ptrdiff_t first = str_chr(message, '\0');
	if (first < 0)
		return AUTH_MALFORMED;
	struct str identity = str_head(message, (size_t)first);
	struct str rest = str_skip(message, (size_t)first + 1);
	ptrdiff_t second = str_chr(rest, '\0');
	if (second < 0)
		return AUTH_MALFORMED;
	struct str user = str_head(rest, (size_t)second);
	struct str password = str_skip(rest, (size_t)second + 1);
	if (str_chr(password, '\0') >= 0 || !user_is_sane(user) || !user_is_sane(identity))
		return AUTH_MALFORMED;
	d->other_identity = identity.n != 0 && !str_eq(identity, user);
	secret_set(&d->user, user);
	secret_set(&d->password, password);
	return AUTH_DONE;
}

static enum auth_result take_login(struct auth_dialogue *d, struct str field, const char **prompt)
{
	if (str_chr(field, '\0') >= 0)
		return AUTH_MALFORMED;
	if (d->have_user) {
		secret_set(&d->password, field);
		return AUTH_DONE;
	}
	if (!user_is_sane(field))
		return AUTH_MALFORMED;
	secret_set(&d->user, field);
	d->have_user = true;
	*prompt = prompt_rows[d->prompts].password;
	return AUTH_PROMPT;
}

static enum auth_result take(struct auth_dialogue *d, struct str text, const char **prompt)
{
	struct secret bytes = { NULL, 0 };
	enum auth_result result = AUTH_NOT_BASE64;
	if (decode(text, &bytes)) {
		struct str message = secret_reveal(&bytes);
		result = d->mechanism == AUTH_PLAIN ? take_plain(d, message)
						    : take_login(d, message, prompt);
	}
	secret_done(&bytes);
	return result;
}

enum auth_result auth_begin(struct auth_dialogue *d, enum auth_mechanism mechanism,
			    enum auth_prompts prompts, struct str initial, const char **prompt)
{
	*d = (struct auth_dialogue){ .mechanism = mechanism, .prompts = prompts };
	*prompt = "";
	if (initial.n == 0) {
		*prompt = mechanism == AUTH_LOGIN ? prompt_rows[prompts].user : "";
		return AUTH_PROMPT;
	}
	/* RFC 4954 section 4: a lone "=" is a response of no bytes. */
	return take(d, str_eq(initial, STR("=")) ? STR("") : initial, prompt);
}

enum auth_result auth_answer(struct auth_dialogue *d, struct str line, const char **prompt)
{
	*prompt = "";
	if (str_eq(line, STR("*")))
		return AUTH_CANCELLED;
	return take(d, line, prompt);
}

void auth_done(struct auth_dialogue *d)
{
	secret_done(&d->user);
	secret_done(&d->password);
	*d = (struct auth_dialogue){ .mechanism = AUTH_PLAIN };
}

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/base64.h"
#include "inbound/auth.h"
#include "tests/fuzz/fuzz.h"

/*
 * The dialogue of AUTH, and base64.
 * Input: lines; the first is what stands behind "AUTH", the others are answers.
 */
enum {
	TEXT_MAX = 1 << 20
};

static struct str take_line(struct str *in)
{
	ptrdiff_t end = str_chr(*in, '\n');
	struct str line = end >= 0 ? str_head(*in, (size_t)end) : *in;
	*in = str_skip(*in, line.n + 1);
	return line;
}

/* What can be decoded is what encoding gives, and nothing else decodes to the same. */
static void check_base64(struct str text)
{
	struct strbuf bytes, again;
	strbuf_init(&bytes, TEXT_MAX);
	strbuf_init(&again, TEXT_MAX);
	if (base64_decode(&bytes, text)) {
		base64_encode(&again, strbuf_str(&bytes));
		fuzz_check(str_eq(strbuf_str(&again), text), "base64 has one form");
	} else {
		fuzz_check(bytes.n == 0, "what does not decode leaves nothing");
	}
	strbuf_reset(&bytes);
	strbuf_reset(&again);
	base64_encode(&again, text);
	fuzz_check(base64_decode(&bytes, strbuf_str(&again)), "what is encoded decodes");
	fuzz_check(str_eq(strbuf_str(&bytes), text), "what is encoded comes back");
	strbuf_done(&bytes);
	strbuf_done(&again);
}

static void check_result(const struct auth_dialogue *d, enum auth_result result, const char *prompt)
{
	struct str user = secret_reveal(&d->user);
	switch (result) {
	case AUTH_PROMPT:
		fuzz_check(prompt != NULL && strlen(prompt) <= 64, "a prompt is short");
		break;
	case AUTH_DONE:
		for (size_t i = 0; i < user.n; i++)
			fuzz_check((unsigned char)user.p[i] >= 0x20 && user.p[i] != 0x7f,
				   "a user's name has no control character");
		fuzz_check(str_chr(secret_reveal(&d->password), '\0') < 0, "a password has no NUL");
		break;
	case AUTH_CANCELLED:
	case AUTH_NOT_BASE64:
	case AUTH_MALFORMED:
		break;
	}
}

static void dialogue(enum auth_mechanism mechanism, enum auth_prompts prompts_sent,
		     struct str initial, struct str answers)
{
	struct auth_dialogue d;
	const char *prompt = NULL;
	unsigned prompts = 0;
	enum auth_result result = auth_begin(&d, mechanism, prompts_sent, initial, &prompt);
	check_result(&d, result, prompt);
	while (result == AUTH_PROMPT) {
		/* LOGIN asks for a name and a password, PLAIN for one response. */
		fuzz_check(++prompts <= 2, "a dialogue ends");
		if (answers.n == 0)
			break;
		result = auth_answer(&d, take_line(&answers), &prompt);
		check_result(&d, result, prompt);
	}
	auth_done(&d);
	fuzz_check(d.user.n == 0 && d.password.n == 0, "nothing of it is kept");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct str line = take_line(&in);
	struct str name = str_word(&line);
	struct str initial = str_word(&line);
	enum auth_mechanism mechanism;
	check_base64(initial);
	check_base64(str_head(in, 4096));
	if (auth_mechanism_of(name, &mechanism)) {
		dialogue(mechanism, AUTH_PROMPTS_USUAL, initial, in);
		dialogue(mechanism, AUTH_PROMPTS_USER_NAME, initial, in);
	}
	return 0;
}

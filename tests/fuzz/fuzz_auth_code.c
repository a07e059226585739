/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "config/config.h"
#include "oauth/auth_code.h"
#include "tests/fuzz/fuzz.h"

/*
 * What comes back from a browser's sign-in.
 * Input: an address line. The attempt's state is always that of 64 zero bytes.
 */

static char name[] = "a", none[] = "";

static void check_printable(const char *text)
{
	for (; *text != '\0'; text++)
		fuzz_check(ascii_is_print(*text), "what is told is printable");
}

static void check(enum auth_code_verdict verdict, const struct secret *code,
		  const struct token_failure *failure)
{
	fuzz_check((verdict == AUTH_CODE_TAKEN) == (code->n != 0), "a code, or a reason");
	fuzz_check(code->n <= AUTH_CODE_BYTES_MAX, "a code is bounded");
	for (size_t i = 0; i < code->n; i++)
		fuzz_check(ascii_is_print(code->p[i]), "a code is printable");
	if (verdict == AUTH_CODE_TAKEN)
		return;
	fuzz_check(failure->text.text[0] != '\0' && failure->code[0] != '\0', "there is a reason");
	check_printable(failure->text.text);
	check_printable(failure->remedy.text);
	check_printable(failure->code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char entropy[AUTH_CODE_ENTROPY];
	const struct account_config account = { .name = name,
						.client_id = none,
						.login = none,
						.mailbox = none,
						.tenant = none,
						.host = none };
	struct str line = { (const char *)data, size };
	struct auth_code attempt;
	struct secret code = { 0 };
	struct token_failure failure;
	auth_code_init(&attempt, name, "http://localhost:1", entropy);
	memset(&failure, 0, sizeof(failure));
	enum auth_code_verdict verdict =
		auth_code_read_line(&attempt, line, &account, &code, &failure);
	check(verdict, &code, &failure);
	secret_done(&code);
	memset(&failure, 0, sizeof(failure));
	verdict = auth_code_read(&attempt, line, &account, &code, &failure);
	check(verdict, &code, &failure);
	secret_done(&code);
	auth_code_done(&attempt);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "common/seal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support/seal_of.h"

/*
 * Files that bear a seal. Input: a byte that says what the rest is: 0, a file from anywhere; else
 * the plain text of one that is sealed here, and the byte says which of its bytes is then altered.
 */
static const struct str context = { "accounts/scanner", 16 };

static void check_error(const struct err *err)
{
	fuzz_check(err->text[0] != '\0', "a refusal says why");
	for (const char *c = err->text; *c != '\0'; c++)
		fuzz_check(ascii_is_print(*c), "an error is printable");
}

static void open_foreign(const struct seal *seal, struct str file)
{
	struct secret plain = { 0 };
	struct err err = { .text = "" };
	fuzz_check(seal_open(seal, context, file, &plain, &err) != SEAL_OK,
		   "nobody without the key makes what opens");
	fuzz_check(plain.p == NULL, "a refusal leaves nothing");
	check_error(&err);
}

static void open_own(const struct seal *seal, struct str text, unsigned choice)
{
	struct strbuf sealed;
	struct secret plain = { 0 };
	struct err err = { .text = "" };
	strbuf_init(&sealed, text.n + SEAL_OVERHEAD);
	fuzz_check(seal_close(seal, context, text, &sealed, &err), "any text can be sealed");
	fuzz_check(seal_open(seal, context, strbuf_str(&sealed), &plain, &err) == SEAL_OK &&
			   str_eq(secret_reveal(&plain), text),
		   "what was sealed opens as it was");
	secret_done(&plain);
	size_t at = sealed.n * choice / 256;
	sealed.p[at] = (char)((unsigned char)sealed.p[at] ^ choice);
	open_foreign(seal, strbuf_str(&sealed));
	strbuf_done(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct seal *seal = seal_of('k');
	unsigned choice = fuzz_byte(&in);
	if (choice == 0)
		open_foreign(seal, in);
	else
		open_own(seal, in, choice);
	seal_free(seal);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "common/str.h"
#include "inbound/users.h"
#include "tests/fuzz/fuzz.h"

/* The users file. Input: its bytes. */

static size_t count_lines(struct str text)
{
	size_t lines = 1;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	return lines;
}

static void check_error(const struct err *err)
{
	struct str text = str_of(err->text);
	fuzz_check(str_starts(text, STR("users:")), "an error names the file and the line");
	for (size_t i = 0; i < text.n; i++)
		fuzz_check(ascii_is_print(text.p[i]), "an error is printable");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct err err = { .text = "" };
	struct users *users = users_parse(in, "users", &err);
	if (users != NULL)
		fuzz_check(users_count(users) <= count_lines(in), "a line makes one user at most");
	else
		check_error(&err);
	users_free(users);
	return 0;
}

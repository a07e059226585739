/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/strbuf.h"
#include "config/users.h"
#include "config/users_edit.h"
#include "tests/fuzz/fuzz.h"

/* The users file and its changes. Input: its bytes. */
enum {
	TEXT_MAX = 4 * USERS_FILE_MAX
};

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

static void check_users(const struct users *users)
{
	for (size_t i = 0; i < users_count(users); i++) {
		const struct user *user = users_at(users, i);
		struct str name = str_of(user->name);
		fuzz_check(users_find(users, name) == user, "a user is found by the name");
		fuzz_check(name.n != 0 && name.n <= USERS_NAME_MAX, "a name has its length");
		fuzz_check(strchr(user->hash, ':') == NULL, "a hash has no colon");
	}
}

/* One who is added is there, all others stay; taken out, the text is as it was. */
static void check_edit(struct str text, const struct users *users)
{
	const struct users_line line = { .name = "zoe", .hash = "$6$salt$hash" };
	struct strbuf added, removed;
	struct err err = { .text = "" };
	strbuf_init(&added, TEXT_MAX);
	strbuf_init(&removed, TEXT_MAX);
	if (users_edit_add(&added, text, &line, &err)) {
		struct users *more = users_parse(strbuf_str(&added), "users", &err);
		fuzz_check(more != NULL, "a file with one more user can be read");
		fuzz_check(users_count(more) == users_count(users) + 1, "there is one user more");
		fuzz_check(users_find(more, STR("zoe")) != NULL, "who was added is there");
		users_unref(more);
		fuzz_check(users_edit_remove(&removed, strbuf_str(&added), STR("zoe"), &err),
			   "who was added can be removed");
		fuzz_check(str_starts(strbuf_str(&removed), text), "what was there stays");
	} else {
		fuzz_check(added.n == 0, "a failed change leaves nothing");
	}
	strbuf_done(&added);
	strbuf_done(&removed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct err err = { .text = "" };
	struct users *users = users_parse(in, "users", &err);
	if (users == NULL) {
		check_error(&err);
		return 0;
	}
	fuzz_check(users_count(users) <= count_lines(in), "a line makes one user at most");
	check_users(users);
	check_edit(in, users);
	users_unref(users);
	return 0;
}

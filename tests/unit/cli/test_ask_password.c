/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/ask_password.h"
#include "common/attr.h"

/* What a pipe with this text gives; err.text where it gives nothing. */
static bool from_pipe(struct str text, struct secret *out, struct err *err)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], text.p, text.n), (ssize_t)text.n);
	close(ends[1]);
	bool ok = ask_password(ends[0], STDERR_FILENO, "anna", out, err);
	close(ends[0]);
	return ok;
}

static void one_line_of_stdin(void **state)
{
	static const char *const rows[][2] = {
		{ "secret\n", "secret" },	    { "secret", "secret" },
		{ "secret\r\nmore\n", "secret" },   { " a b:c%\\ \n", " a b:c%\\ " },
		{ "p\xc3\xa4ss\n", "p\xc3\xa4ss" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct secret secret = { NULL, 0 };
		struct err err;
		assert_true(from_pipe(str_of(rows[i][0]), &secret, &err));
		assert_true(str_eq(secret_reveal(&secret), str_of(rows[i][1])));
		secret_done(&secret);
	}
}

static void what_is_no_password(void **state)
{
	static char longest[PASSWORD_BYTES_MAX + 1];
	struct secret secret = { NULL, 0 };
	struct err err;
	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_false(from_pipe(STR(""), &secret, &err));
	assert_string_equal(err.text, "the password is empty; nothing was changed");
	assert_false(from_pipe(STR("\n"), &secret, &err));
	assert_false(from_pipe(STR("a\tb\n"), &secret, &err));
	assert_string_equal(err.text, "the password has a control character");
	assert_false(from_pipe(STR("a\0b\n"), &secret, &err));
	assert_false(from_pipe((struct str){ longest, sizeof(longest) }, &secret, &err));
	assert_string_equal(err.text, "the password is longer than 511 bytes");
	assert_null(secret.p);
	assert_true(from_pipe((struct str){ longest, sizeof(longest) - 1 }, &secret, &err));
	secret_done(&secret);
}

static void a_client_secret_is_pasted(void **state)
{
	static char longest[CLIENT_SECRET_BYTES_MAX + 1];
	static const struct {
		struct str text;
		const char *want; /* NULL: refused */
	} rows[] = {
		{ { "abc~Q~d.ef\n", 11 }, "abc~Q~d.ef" },
		{ { " \x20"
		    "abc~Q~d.ef  \r\n",
		    16 },
		  "abc~Q~d.ef" },
		{ { "  \n", 3 }, NULL },
		{ { "\n", 1 }, NULL },
		{ { "", 0 }, NULL },
		{ { "a\0b\n", 4 }, NULL },
		{ { longest, CLIENT_SECRET_BYTES_MAX }, longest },
	};
	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct secret secret = { NULL, 0 };
		struct err err = { .text = "" };
		int ends[2];
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(write(ends[1], rows[i].text.p, rows[i].text.n), rows[i].text.n);
		close(ends[1]);
		bool ok = ask_client_secret(ends[0], STDERR_FILENO, "scanner", &secret, &err);
		close(ends[0]);
		assert_int_equal(ok, rows[i].want != NULL);
		if (ok)
			assert_true(str_eq(secret_reveal(&secret), str_of(rows[i].want)));
		else
			assert_non_null(strstr(err.text, "the secret "));
		secret_done(&secret);
	}
}

/* A person at a terminal: types each line when it is asked for. */
struct typist {
	int master;
	const char *prompt; /* the first */
	const char *lines[2];
	char seen[4096]; /* all that the terminal showed */
	size_t n;
	int prompts; /* where the program writes them */
};

static void *type(void *arg)
{
	struct typist *t = arg;
	for (size_t i = 0; i < 2 && t->lines[i] != NULL; i++) {
		ssize_t n;
		do {
			n = read(t->prompts, t->seen + t->n, sizeof(t->seen) - 1 - t->n);
			t->n += n > 0 ? (size_t)n : 0;
		} while (n > 0 &&
			 strstr(t->seen, i == 0 ? t->prompt : "The same again for anna: ") == NULL);
		/* The prompt is out before the echo is off, and what was typed until then is thrown
		 * away: wait for it, as a person does. */
		struct termios now;
		do {
			if (tcgetattr(t->master, &now) != 0)
				abort();
		} while ((now.c_lflag & ECHO) != 0);
		if (write(t->master, t->lines[i], strlen(t->lines[i])) < 0)
			abort();
	}
	return NULL;
}

typedef bool ask_function(int in, int out, const char *name, struct secret *secret,
			  struct err *err);

static bool at_terminal_of(ask_function *ask, const char *first, const char *second,
			   struct secret *out, struct err *err)
{
	struct typist t = { .lines = { first, second },
			    .prompt = ask == ask_password ? "Password for anna: "
							  : "New client secret for anna: " };
	struct termios before, after;
	pthread_t thread;
	int ends[2];
	t.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(t.master >= 0 && grantpt(t.master) == 0 && unlockpt(t.master) == 0);
	int terminal = open(ptsname(t.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0 && pipe2(ends, O_CLOEXEC) == 0);
	t.prompts = ends[0];
	assert_int_equal(tcgetattr(terminal, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, type, &t), 0);
	bool ok = ask(terminal, ends[1], "anna", out, err);
	pthread_join(thread, NULL);
	/* As it was, and nothing typed was shown. */
	assert_int_equal(tcgetattr(terminal, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_true((after.c_lflag & ECHO) != 0);
	fcntl(t.master, F_SETFL, O_NONBLOCK);
	char shown[256];
	ssize_t n = read(t.master, shown, sizeof(shown));
	assert_true(n <= 0 || memmem(shown, (size_t)n, "secret", 6) == NULL);
	close(terminal);
	close(t.master);
	close(ends[0]);
	close(ends[1]);
	return ok;
}

static bool at_terminal(const char *first, const char *second, struct secret *out, struct err *err)
{
	return at_terminal_of(ask_password, first, second, out, err);
}

static void a_client_secret_is_asked_for_once(void **state)
{
	struct secret secret = { NULL, 0 };
	struct err err;
	(void)state;
	assert_true(at_terminal_of(ask_client_secret, " abc~Q~d.ef \n", NULL, &secret, &err));
	assert_true(str_eq(secret_reveal(&secret), STR("abc~Q~d.ef")));
	secret_done(&secret);
}

static void asked_twice_without_echo(void **state)
{
	struct secret secret = { NULL, 0 };
	struct err err;
	(void)state;
	assert_true(at_terminal("secret\n", "secret\n", &secret, &err));
	assert_true(str_eq(secret_reveal(&secret), STR("secret")));
	secret_done(&secret);
	assert_false(at_terminal("secret\n", "secrte\n", &secret, &err));
	assert_string_equal(err.text, "these were two different passwords; nothing was changed");
	assert_null(secret.p);
	assert_false(at_terminal("\n", NULL, &secret, &err));
	assert_string_equal(err.text, "the password is empty; nothing was changed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_secret_is_pasted),
		cmocka_unit_test(one_line_of_stdin),
		cmocka_unit_test(what_is_no_password),
		cmocka_unit_test(a_client_secret_is_asked_for_once),
		cmocka_unit_test(asked_twice_without_echo),
	};
	return cmocka_run_group_tests_name("cli/ask_password", tests, NULL, NULL);
}

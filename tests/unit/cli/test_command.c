/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app.h"
#include "cli/command.h"
#include "common/json.h"
#include "common/tls.h"
#include "tests/unit/support/config_text.h"

/* `run` is the app's own business: here it only says what it was called with. */
static char *ran_with;

int app_run(const struct app_options *options)
{
	free(ran_with);
	ran_with = str_dup(str_of(options->config_path));
	return strcmp(options->config_path, "/fails") == 0 ? 1 : 0;
}

/* What one call gave; call_done() frees it. */
struct call {
	struct cli cli;
	int status;
};

static const char *out_of(const struct call *c)
{
	return strbuf_cstr(&c->cli.out);
}

static const char *err_of(const struct call *c)
{
	return strbuf_cstr(&c->cli.err);
}

static void call_done(struct call *c)
{
	cli_done(&c->cli);
}

/* line is split at blanks. */
static struct call call(const char *line)
{
	struct call c;
	char *words = str_dup(str_of(line));
	const char *argv[32] = { "oauthrelay" };
	int argc = 1;
	char *save = NULL;
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	cli_init(&c.cli);
	c.status = command_main(&c.cli, argc, argv);
	/* What points into the words is not looked at afterwards. */
	free(words);
	return c;
}

static void assert_fits(const char *text)
{
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 80);
}

static void every_command_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		struct strbuf line;
		assert_true(strlen(c->help) > 5);
		assert_non_null(c->run);
		assert_true(c->min_arguments <= c->max_arguments);
		assert_true((c->max_arguments != 0) == (c->arguments[0] != '\0'));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(c->name, commands[j].name);
		strbuf_init(&line, 256);
		strbuf_addf(&line, "help %s", c->name);
		struct call by_help = call(strbuf_cstr(&line));
		strbuf_reset(&line);
		strbuf_addf(&line, "%s --help", c->name);
		struct call by_option = call(strbuf_cstr(&line));
		assert_int_equal(by_help.status, CLI_OK);
		assert_int_equal(by_option.status, CLI_OK);
		assert_string_equal(out_of(&by_help), out_of(&by_option));
		assert_non_null(strstr(out_of(&by_help), c->help));
		assert_fits(out_of(&by_help));
		assert_non_null(strstr(out_of(&by_help), c->more));
		call_done(&by_help);
		call_done(&by_option);
		strbuf_done(&line);
	}
}

static void the_overview_fits_a_terminal_and_lists_all(void **state)
{
	(void)state;
	struct call c = call("help");
	assert_int_equal(c.status, CLI_OK);
	for (size_t i = 0; i < command_count; i++)
		assert_non_null(strstr(out_of(&c), commands[i].help));
	assert_fits(out_of(&c));
	call_done(&c);
	c = call("");
	assert_int_equal(c.status, CLI_USAGE);
	assert_non_null(strstr(err_of(&c), "  status  "));
	assert_string_equal(out_of(&c), "");
	call_done(&c);
}

static void wrong_usage_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		const char *error;
	} rows[] = {
		{ "statsu", "there is no command \"statsu\"; did you mean \"status\"?" },
		{ "versionn", "did you mean \"version\"?" },
		{ "queue listt",
		  "there is no command \"queue listt\"; did you mean \"queue list\"?" },
		{ "queuee list", "did you mean \"queue list\"?" },
		{ "config chekk", "did you mean \"config check\"?" },
		{ "queue", "queue needs one more word:\n  oauthrelay queue list" },
		{ "frobnicate", "`oauthrelay help` lists all" },
		{ "help frobnicate", "there is no command \"frobnicate\"" },
		{ "queue show", "something is missing: usage: oauthrelay queue show ID" },
		{ "queue show a b", "that is too much" },
		{ "status now", "that is too much" },
		{ "user", "user needs one more word:\n  oauthrelay user add NAME" },
		{ "user add", "something is missing: usage: oauthrelay user add NAME" },
		{ "user add anna s3cret", "one NAME only. A password is never an argument" },
		{ "user passwd anna s3cret pass", "A password is never an argument" },
		{ "user remove anna bert", "that is too much" },
		{ "user list --account x", "this command does not take that option" },
		{ "user ad anna", "did you mean \"user add\"?" },
		{ "queue show nothex", "an id is made of the digits 0-9 and a-f" },
		{ "queue list --limit", "\"--limit\": its value is missing" },
		{ "queue list --limit x", "\"--limit\": its value must be a number" },
		{ "queue list --limit=-1", "its value must be a number" },
		{ "queue list --limit 9999", "--limit is at most 200" },
		{ "queue list --jsno", "there is no such option; did you mean --json?" },
		{ "status --limit 5", "this command does not take that option" },
		{ "config check --json", "this command does not take that option" },
		{ "status --json=yes", "it takes no value" },
		{ "status -x", "there is no such option" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call c = call(rows[i].line);
		if (c.status != CLI_USAGE || strstr(err_of(&c), rows[i].error) == NULL ||
		    out_of(&c)[0] != '\0')
			fail_msg("%s: %d %s%s", rows[i].line, c.status, err_of(&c), out_of(&c));
		call_done(&c);
	}
}

/* A pasted line of a log is many words; there is an end nevertheless. */
static void many_words(void **state)
{
	const char *argv[CLI_WORDS_MAX + 2];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		argv[i] = "explain";
	for (int argc = CLI_WORDS_MAX + 1; argc <= CLI_WORDS_MAX + 2; argc++) {
		struct cli cli;
		struct err err;
		cli_init(&cli);
		bool fits = argc == CLI_WORDS_MAX + 1;
		assert_int_equal(cli_parse(&cli, argc, argv, &err), fits);
		if (!fits)
			assert_non_null(strstr(err.text, "one word too many"));
		cli_done(&cli);
	}
}

static void the_configuration_is_chosen(void **state)
{
	(void)state;
	static const struct {
		const char *environment; /* NULL: not set */
		const char *line;
		const char *path;
	} rows[] = {
		{ NULL, "run", CLI_DEFAULT_CONFIG },
		{ "/env", "run", "/env" },
		{ "", "run", CLI_DEFAULT_CONFIG },
		{ "/env", "-c /given run", "/given" },
		{ NULL, "run -c /given", "/given" },
		{ NULL, "run -c/given", "/given" },
		{ NULL, "--config /given run", "/given" },
		{ NULL, "run --config=/given", "/given" },
	};
	static const char variable[] = "OAUTHRELAY_CONFIG";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
		if (rows[i].environment == NULL || setenv(variable, rows[i].environment, 1) != 0)
			unsetenv(variable); /* NOLINT(concurrency-mt-unsafe) */
		struct call c = call(rows[i].line);
		assert_int_equal(c.status, CLI_OK);
		assert_string_equal(ran_with, rows[i].path);
		call_done(&c);
	}
	unsetenv(variable); /* NOLINT(concurrency-mt-unsafe) */
	struct call c = call("run -c /fails");
	assert_int_equal(c.status, CLI_FAILURE);
	call_done(&c);
}

static void versions_are_printed(void **state)
{
	(void)state;
	struct err err;
	struct call c = call("version");
	static const char *const names[] = { "oauthrelay", "libevent", "openssl", "libcurl",
					     "libconfig" };
	assert_int_equal(c.status, CLI_OK);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_non_null(strstr(out_of(&c), names[i]));
	call_done(&c);
	c = call("version --json");
	cJSON *json = json_parse(strbuf_str(&c.cli.out), &err);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = cJSON_GetStringValue(cJSON_GetObjectItem(json, names[i]));
		assert_non_null(v);
		assert_true(ascii_is_digit(v[0]));
	}
	cJSON_Delete(json);
	call_done(&c);
}

static void keys_are_explained(void **state)
{
	(void)state;
	struct call c = call("config keys queue.lifetime");
	assert_int_equal(c.status, CLI_OK);
	assert_non_null(strstr(out_of(&c), "default: 5d"));
	call_done(&c);
	c = call("config keys lifetmie");
	assert_int_equal(c.status, CLI_FAILURE);
	assert_non_null(strstr(err_of(&c), "did you mean \"lifetime\"?"));
	call_done(&c);
	c = call("config keys --json");
	assert_int_equal(c.status, CLI_OK);
	assert_int_equal(out_of(&c)[0], '[');
	call_done(&c);
}

/* With a file that is right but for its secret. */
static void a_configuration_is_checked(void **state)
{
	(void)state;
	char path[] = "/tmp/oar-command-XXXXXX";
	int fd = mkstemp(path);
	struct strbuf line;
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%s",
			    CONFIG_TOP "accounts = ( { name = \"a\"; provider = \"smtp\";"
				       "host = \"relay.lan\"; tls = \"none\"; } );") > 0);
	strbuf_init(&line, 256);
	strbuf_addf(&line, "-c %s config check", path);
	struct call c = call(strbuf_cstr(&line));
	assert_int_equal(c.status, CLI_OK);
	assert_non_null(strstr(out_of(&c), "is right: 1 listener, 0 devices, 1 account\n"));
	assert_non_null(strstr(err_of(&c), "warning: "));
	call_done(&c);

	strbuf_reset(&line);
	strbuf_addf(&line, "-c %s config show --json", path);
	c = call(strbuf_cstr(&line));
	assert_int_equal(c.status, CLI_OK);
	assert_non_null(strstr(out_of(&c), "\"postmaster\":\"it@contoso.com\""));
	call_done(&c);

	assert_true(dprintf(fd, "\nbogus = 1;\nposmaster = 1;\n") > 0);
	c = call(strbuf_cstr(&line));
	assert_int_equal(c.status, CLI_FAILURE);
	assert_string_equal(out_of(&c), "");
	assert_non_null(strstr(err_of(&c), ":2: unknown key \"bogus\""));
	assert_non_null(strstr(err_of(&c), ":3: unknown key \"posmaster\"; did you mean"));
	assert_non_null(strstr(err_of(&c), "2 errors: the relay would not start with this\n"));
	call_done(&c);
	strbuf_done(&line);
	close(fd);
	unlink(path);
}

/* The configured certificate, in each form; and what to do when there is none. */
static void the_certificate_is_exported(void **state)
{
	char dir[] = "/tmp/oar-command-XXXXXX";
	char config[64], crt[64], key[64], line[128];
	struct err err;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof(config), "%s/relay.conf", dir);
	snprintf(crt, sizeof(crt), "%s/self-signed.crt", dir);
	snprintf(key, sizeof(key), "%s/self-signed.key", dir);
	FILE *file = fopen(config, "w");
	assert_non_null(file);
	assert_true(fprintf(file,
			    CONFIG_TOP "state_dir = \"%s\";"
				       "accounts = ( { name = \"a\"; provider = \"smtp\";"
				       "host = \"relay.lan\"; tls = \"none\"; } );",
			    dir) > 0);
	assert_int_equal(fclose(file), 0);
	snprintf(line, sizeof(line), "-c %s tls export", config);
	struct call c = call(line);
	assert_int_equal(c.status, CLI_FAILURE);
	assert_non_null(strstr(err_of(&c), "start the relay once"));
	call_done(&c);
	assert_true(tls_make_self_signed(crt, key, "relay.contoso.com", &err));
	c = call(line);
	assert_int_equal(c.status, CLI_OK);
	assert_int_equal(strncmp(out_of(&c), "-----BEGIN CERTIFICATE-----\n", 28), 0);
	assert_null(strstr(out_of(&c), "PRIVATE"));
	assert_null(strstr(out_of(&c), "SHA-256"));
	call_done(&c);
	snprintf(line, sizeof(line), "-c %s tls export --der", config);
	c = call(line);
	assert_int_equal(c.status, CLI_OK);
	assert_int_equal((unsigned char)c.cli.out.p[0], 0x30); /* a DER sequence */
	call_done(&c);
	snprintf(line, sizeof(line), "-c %s tls export --json", config);
	c = call(line);
	assert_int_equal(c.status, CLI_OK);
	cJSON *json = json_parse(strbuf_str(&c.cli.out), &err);
	static const char *const keys[] = { "path", "subject", "names", "ends", "sha256", "pem" };
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_non_null(cJSON_GetStringValue(cJSON_GetObjectItem(json, keys[i])));
	assert_non_null(strstr(out_of(&c), "relay.contoso.com, relay"));
	cJSON_Delete(json);
	call_done(&c);
	unlink(config);
	unlink(crt);
	unlink(key);
	rmdir(dir);
}

static int forget(void **state)
{
	(void)state;
	free(ran_with);
	ran_with = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_explained),
		cmocka_unit_test(the_overview_fits_a_terminal_and_lists_all),
		cmocka_unit_test(wrong_usage_is_told),
		cmocka_unit_test(many_words),
		cmocka_unit_test_teardown(the_configuration_is_chosen, forget),
		cmocka_unit_test(versions_are_printed),
		cmocka_unit_test(keys_are_explained),
		cmocka_unit_test(a_configuration_is_checked),
		cmocka_unit_test(the_certificate_is_exported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "app.h"
#include "cli/cli.h"
#include "tests/unit/cli/fake_relay.h"

/* Not run here. */
int app_run(const struct app_options *options)
{
	(void)options;
	return 1;
}

#define CREDENTIAL(label, flags, day, days)                                            \
	"{\"label\":\"" label "\"," flags ",\"ends\":\"" day "T10:00:00.000Z\","       \
	"\"last_day\":\"" day "\",\"ends_in_days\":" #days ",\"ends_assumed\":false, " \
	"\"thumbprint_sha1\":\"AB01\",\"thumbprint_sha256\":\"CD02\",\"remedy\":\"\"}"
#define ACCOUNTS                                                                                                                        \
	"200 {\"accounts\":[{\"name\":\"scanner\",\"provider\":\"microsoft365\","                                                       \
	"\"grant\":\"client_credentials\",\"state\":\"open\",\"no_credentials\":null,"                                                  \
	"\"token\":{\"state\":\"valid\",\"good_for_s\":2520},"                                                                          \
	"\"serving\":\"secret added 2026-11-22\",\"sign_in\":null,\"credentials\":[" CREDENTIAL(                                        \
		"secret added 2026-11-22", "\"serving\":true", "2027-05-01",                                                            \
		160) "," CREDENTIAL("client secret", "\"refused\":true,\"serving\":true",                                               \
				    "2026-11-20",                                                                                       \
				    -1) "," CREDENTIAL("certificate \\u001b[2J",                                                        \
						       "\"pending\":true", "2026-11-23",                                                \
						       1) "]},"                                                                         \
							  "{\"name\":\"person\",\"provider\":\"microsoft365\",\"grant\":\"delegated\"," \
							  "\"state\":\"held\",\"no_credentials\":\"it is a public client\","            \
							  "\"token\":{\"state\":\"held\",\"good_for_s\":0},\"serving\":null,"           \
							  "\"sign_in\":{\"signed_in\":true,\"since\":\"2026-10-01T08:00:00.000Z\","     \
							  "\"ends\":\"2026-12-01T08:00:00.000Z\",\"last_day\":\"2026-12-01\","          \
							  "\"ends_in_days\":9,\"remedy\":\"run oauthrelay login person\"},"             \
							  "\"credentials\":[{\"label\":\"public client\",\"kind\":\"none\"}]},"         \
							  "{\"name\":\"old\",\"provider\":\"smtp\",\"grant\":null,\"state\":\"open\","  \
							  "\"token\":null,\"serving\":null,\"sign_in\":null,\"credentials\":[]}]}"

static void the_list(void **state)
{
	static const char *const answers[] = { ACCOUNTS, NULL };
	struct fake f;
	struct cli cli;
	(void)state;
	fake_start(&f, answers);
	assert_int_equal(fake_ask(&cli, f.address.sun_path, "account", "list", NULL), CLI_OK);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "GET /v1/accounts HTTP/1.1");
	const char *out = fake_out(&cli);
	static const char *const parts[] = {
		"valid, 42m",
		"secret added 2026-11-22: in use; ends on 2027-05-01 (in 160 days)\n",
		"client secret: REFUSED the last time; ended on 2026-11-20\n",
		"waits until it is accepted; ends on 2026-11-23,",
		"signed in since 2026-10-01; if it is not used it ends on 2026-12-01",
		"To do: run oauthrelay login person\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(out, parts[i]) == NULL)
			fail_msg("no \"%s\" in\n%s", parts[i], out);
	assert_null(strchr(out, '\x1b'));
	assert_null(strstr(out, "public client"));
	for (const char *line = out; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strchr(line, '\n') - line <= 80);
	fake_done(&f);
	cli_done(&cli);
}

/* ---- secret, with a pipe for stdin */

static int ask_secret(struct cli *cli, const char *const *answers, const char *typed,
		      const char *name, const char *option, struct fake *f)
{
	int ends[2];
	int before = dup(STDIN_FILENO);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], typed, strlen(typed)), strlen(typed));
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	fake_start(f, answers);
	const char *argv[] = { "oauthrelay", "--socket", f->address.sun_path, "account", "secret",
			       name,	     option };
	cli_init(cli);
	int status = command_main(cli, option != NULL ? 7 : 6, argv);
	fake_stop(f);
	dup2(before, STDIN_FILENO);
	close(before);
	return status;
}

static void a_secret_is_given(void **state)
{
	static const char *const answers[] = {
		ACCOUNTS,
		"200 {\"account\":\"scanner\",\"warning\":\"no room\",\"remedy\":\"make some\","
		"\"credential\":" CREDENTIAL("x", "\"serving\":true", "2027-05-01", 160) "}",
		NULL
	};
	struct fake f;
	struct cli cli;
	(void)state;
	assert_int_equal(
		ask_secret(&cli, answers, " abc~1 \n", "scanner", "--expires=2027-05-01", &f),
		CLI_OK);
	assert_string_equal(f.asked[1], "POST /v1/accounts/scanner/secret HTTP/1.1");
	assert_string_equal(f.body, "{\"secret\":\"abc~1\",\"expires\":\"2027-05-01\"}");
	assert_non_null(strstr(fake_out(&cli), "The new secret is right"));
	assert_non_null(strstr(fake_out(&cli), "It ends on 2027-05-01 (in 160 days); the relay"));
	assert_string_equal(fake_err(&cli), "oauthrelay: warning: no room\n  To do: make some\n");
	assert_null(strstr(fake_out(&cli), "abc~1"));
	fake_done(&f);
	cli_done(&cli);
}

static void a_secret_is_refused(void **state)
{
	static const char *const answers[] = {
		ACCOUNTS,
		"422 {\"error\":\"AADSTS7000215: \\\"no\\\"\",\"remedy\":\"copy the Value\"}", NULL
	};
	struct fake f;
	struct cli cli;
	(void)state;
	assert_int_equal(ask_secret(&cli, answers, "abc~1\n", "scanner", NULL, &f), CLI_FAILURE);
	assert_string_equal(fake_err(&cli),
			    "oauthrelay: nothing has changed: AADSTS7000215: \"no\"\n"
			    "  To do: copy the Value\n");
	assert_string_equal(fake_out(&cli), "");
	fake_done(&f);
	cli_done(&cli);
}

/* Nobody is asked for a secret that cannot be of use. */
static void it_is_looked_at_before_it_asks(void **state)
{
	static const char *const answers[] = { ACCOUNTS, NULL };
	static const char *const rows[][2] = {
		{ "scaner", "oauthrelay: there is no account scaner; did you mean scanner?\n" },
		{ "person", "oauthrelay: it is a public client\n" },
		{ "a/b", "oauthrelay: there is no account a/b\n" },
	};
	struct fake f;
	struct cli cli;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(ask_secret(&cli, answers, "", rows[i][0], NULL, &f), CLI_FAILURE);
		assert_string_equal(fake_err(&cli), rows[i][1]);
		assert_int_equal(f.asked_count, 1);
		fake_done(&f);
		cli_done(&cli);
	}
}

static void forgetting(void **state)
{
	static const char *const answers[] = { ACCOUNTS,
					       "200 {\"account\":\"scanner\",\"forgotten\":2}",
					       NULL };
	struct fake f;
	struct cli cli;
	(void)state;
	assert_int_equal(ask_secret(&cli, answers, "", "scanner", "--forget", &f), CLI_OK);
	assert_string_equal(f.body, "{\"forget\":true}");
	assert_non_null(strstr(fake_out(&cli), "forgotten (2)"));
	fake_done(&f);
	cli_done(&cli);
}

/* ---- certificate */

#define PEM "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"
#define ANSWER(status, pem)                                                                  \
	"200 {\"account\":\"scanner\",\"status\":\"" status "\",\"client_id\":\"1111\","     \
	"\"portal\":\"https://entra.microsoft.com\",\"refusal\":\"\",\"certificate\":\"" pem \
	"\",\"credential\":" CREDENTIAL("x", "\"pending\":true", "2028-11-21", 730) "}"

static int ask_certificate(struct cli *cli, const char *answer, const char *const *words,
			   size_t count)
{
	const char *const answers[] = { answer, NULL };
	const char *argv[16] = {
		"oauthrelay", "--socket", NULL, "account", "certificate", "scanner"
	};
	struct fake f;
	fake_start(&f, answers);
	argv[2] = f.address.sun_path;
	for (size_t i = 0; i < count; i++)
		argv[6 + i] = words[i];
	cli_init(cli);
	int status = command_main(cli, 6 + (int)count, argv);
	fake_stop(&f);
	assert_string_equal(f.asked[0], "POST /v1/accounts/scanner/certificate HTTP/1.1");
	fake_done(&f);
	return status;
}

static void a_certificate_is_written(void **state)
{
	char folder[] = "/tmp/test_cmd_account.XXXXXX";
	char path[64], got[256] = { 0 };
	struct cli cli;
	struct stat st;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/x.cer", folder);
	const char *const words[] = { "--out", path };
	assert_int_equal(ask_certificate(&cli, ANSWER("made", PEM), words, 2), CLI_OK);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(got, 1, sizeof(got) - 1, file) > 0);
	(void)fclose(file);
	assert_string_equal(got, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_non_null(strstr(fake_out(&cli), "Upload certificate > /tmp/test_cmd_account."));
	assert_non_null(strstr(fake_out(&cli), "application 1111\n"));
	assert_non_null(strstr(fake_out(&cli), "Thumbprint  AB01\nSHA-256     CD02\n"
					       "It ends on 2028-11-21 (in 730 days).\n"));
	cli_done(&cli);
	unlink(path);
	/* Whatever the relay says: never a key, nor anything else, in what is handed out. */
	static const char *const bad[] = { ANSWER("made", ""), ANSWER("made", "x" PEM),
					   ANSWER("made", PEM "-----BEGIN PRIVATE KEY-----\\n") };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(ask_certificate(&cli, bad[i], words, 2), CLI_FAILURE);
		assert_non_null(strstr(fake_err(&cli), "no certificate in it"));
		assert_int_equal(access(path, F_OK), -1);
		cli_done(&cli);
	}
	rmdir(folder);
}

static void with_json_no_file_is_written(void **state)
{
	const char *const words[] = { "--json" };
	struct cli cli;
	(void)state;
	assert_int_equal(ask_certificate(&cli, ANSWER("waiting", PEM), words, 1), CLI_OK);
	assert_non_null(strstr(fake_out(&cli), "\"status\":\"waiting\""));
	assert_int_equal(access("scanner.cer", F_OK), -1);
	cli_done(&cli);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list),
		cmocka_unit_test(a_secret_is_given),
		cmocka_unit_test(a_secret_is_refused),
		cmocka_unit_test(it_is_looked_at_before_it_asks),
		cmocka_unit_test(forgetting),
		cmocka_unit_test(a_certificate_is_written),
		cmocka_unit_test(with_json_no_file_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
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
#include <openssl/ssl.h>

#include "common/attr.h"
#include "common/mem.h"
#include "common/str.h"
#include "inbound/files.h"
#include "tests/unit/support/config_text.h"

static char dir[] = "/tmp/oar-files-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static const char *in_dir(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(in_dir("users"));
	unlink(in_dir("self-signed.crt"));
	unlink(in_dir("self-signed.key"));
	return rmdir(dir);
}

static struct config *config_with(const char *listeners)
{
	struct strbuf text;
	struct config_report report;
	strbuf_init(&text, 8192);
	strbuf_addf(&text,
		    "hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		    "state_dir = \"%s\"; listeners = ( %s ); allow = [ \"192.168.0.0/16\" ];"
		    "accounts = ( { " CONFIG_ACCOUNT " } );",
		    dir, listeners);
	struct config *config = config_from_text(strbuf_cstr(&text), &report);
	assert_string_equal(strbuf_cstr(&report.errors), "");
	config_report_done(&report);
	strbuf_done(&text);
	return config;
}

#define PLAIN	 "{ address = \"127.0.0.1:2525\"; tls = \"none\"; }"
#define STARTTLS "{ address = \"127.0.0.1:2587\"; tls = \"starttls\"; }"

/* Without TLS no certificate is made. */
static void no_tls(void **state)
{
	struct config *config = config_with(PLAIN);
	struct err err;
	(void)state;
	struct inbound_files *files = inbound_files_load(config, &err);
	assert_non_null(files);
	assert_int_equal(files->context_count, 1);
	assert_null(inbound_files_context(files, 0, TLS_PROFILE_MODERN));
	assert_int_equal(users_count(files->users), 0);
	assert_int_equal(access(in_dir("self-signed.crt"), F_OK), -1);
	inbound_files_free(files);
	config_unref(config);
}

/* Made once, then kept: a device may have been told to trust it. */
static void self_signed(void **state)
{
	struct config *config = config_with(PLAIN ", " STARTTLS);
	struct err err = { .text = "" };
	struct stat first, second, key;
	(void)state;
	struct inbound_files *files = inbound_files_load(config, &err);
	assert_string_equal(err.text, "");
	assert_non_null(files);
	assert_null(inbound_files_context(files, 0, TLS_PROFILE_MODERN));
	assert_non_null(inbound_files_context(files, 1, TLS_PROFILE_MODERN));
	SSL_CTX *legacy = inbound_files_context(files, 1, TLS_PROFILE_LEGACY);
	assert_int_equal(SSL_CTX_get_min_proto_version(legacy), TLS1_VERSION);
	assert_ptr_not_equal(legacy, inbound_files_context(files, 1, TLS_PROFILE_MODERN));
	assert_null(inbound_files_context(files, 2, TLS_PROFILE_MODERN));
	assert_int_equal(stat(in_dir("self-signed.crt"), &first), 0);
	assert_int_equal(stat(in_dir("self-signed.key"), &key), 0);
	assert_int_equal(key.st_mode & 0777, 0600);
	assert_ptr_equal(inbound_files_ref(files), files);
	inbound_files_free(files);
	assert_int_equal(files->context_count, 2); /* one reference is left */
	inbound_files_free(files);
	files = inbound_files_load(config, &err);
	assert_non_null(files);
	assert_int_equal(stat(in_dir("self-signed.crt"), &second), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	inbound_files_free(files);
	config_unref(config);
}

static void what_is_wrong_is_named(void **state)
{
	struct config *config = config_with(STARTTLS);
	struct err err = { .text = "" };
	(void)state;
	FILE *file = fopen(in_dir("users"), "w");
	assert_non_null(file);
	assert_true(fputs("anna\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_null(inbound_files_load(config, &err));
	assert_true(str_starts(str_of(err.text), str_of(in_dir("users:1: "))));
	unlink(in_dir("users"));
	mem_replace_str(&config->tls_certificate, "/nonexistent/relay.crt");
	mem_replace_str(&config->tls_key, "/nonexistent/relay.key");
	assert_null(inbound_files_load(config, &err));
	assert_non_null(strstr(err.text, "/nonexistent/relay.crt"));
	inbound_files_free(NULL);
	config_unref(config);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Content of the same length, a link to another file, a file that goes: all are changes. */
static void changes_are_seen(void **state)
{
	struct config *config = config_with(STARTTLS);
	char one[128];
	(void)state;
	mem_replace_str(&config->tls_certificate, in_dir("live.crt"));
	mem_replace_str(&config->tls_key, in_dir("live.key"));
	snprintf(one, sizeof(one), "%s", in_dir("one.crt"));
	uint64_t seen[5];
	seen[0] = inbound_files_signature(config);
	write_text("one.crt", "one");
	write_text("two.crt", "one");
	assert_int_equal(symlink(one, in_dir("live.crt")), 0);
	seen[1] = inbound_files_signature(config);
	assert_int_equal(unlink(in_dir("live.crt")), 0);
	assert_int_equal(symlink("two.crt", in_dir("live.crt")), 0);
	seen[2] = inbound_files_signature(config);
	write_text("live.key", "key");
	seen[3] = inbound_files_signature(config);
	write_text("users", "# none\n");
	seen[4] = inbound_files_signature(config);
	for (size_t i = 0; i < ARRAY_LEN(seen); i++)
		for (size_t j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	assert_true(seen[4] == inbound_files_signature(config));
	unlink(in_dir("users"));
	assert_true(seen[3] == inbound_files_signature(config));
	unlink(in_dir("one.crt"));
	unlink(in_dir("two.crt"));
	unlink(in_dir("live.crt"));
	unlink(in_dir("live.key"));
	config_unref(config);
}

static void the_certificate_has_a_place(void **state)
{
	struct config *config = config_with(STARTTLS);
	(void)state;
	char *path = inbound_certificate_path(config);
	assert_string_equal(path, in_dir("self-signed.crt"));
	free(path);
	mem_replace_str(&config->tls_certificate, "/etc/x.crt");
	path = inbound_certificate_path(config);
	assert_string_equal(path, "/etc/x.crt");
	free(path);
	config_unref(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tls),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(the_certificate_has_a_place),
	};
	return cmocka_run_group_tests_name("inbound/files", tests, make_dir, remove_dir);
}

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
	assert_null(files->contexts[0]);
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
	assert_null(files->contexts[0]);
	assert_non_null(files->contexts[1]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_tls),
		cmocka_unit_test(self_signed),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests_name("inbound/files", tests, make_dir, remove_dir);
}

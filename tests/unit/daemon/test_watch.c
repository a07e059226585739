/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/tls.h"
#include "common/worker.h"
#include "tests/unit/support/config_text.h"
#include "tests/unit/support/run_loop.h"
#include "watch.h"

enum {
	INTERVAL_MS = 5,
	LIMIT_MS = 10000
};

static char dir[] = "/tmp/oar-watch-XXXXXX";

struct world {
	struct event_base *base;
	struct worker *worker;
	struct config *config;
	struct watch *watch;
	bool called;
	unsigned loaded, refused;
	struct err err;
};

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned next;
	char *p = path[next++ % 4];
	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void on_change(void *arg, struct inbound_files *files, const struct err *err)
{
	struct world *w = arg;
	w->called = true;
	if (files != NULL)
		w->loaded++;
	else
		w->refused++;
	if (files == NULL)
		w->err = *err;
	inbound_files_free(files);
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(in_dir(name), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct world *w = mem_zalloc(sizeof(*w));
	struct err err;
	*state = w;
	if (mkdtemp(dir) == NULL)
		return -1;
	assert_true(tls_make_self_signed(in_dir("one.crt"), in_dir("one.key"), "one.test", &err));
	assert_true(tls_make_self_signed(in_dir("two.crt"), in_dir("two.key"), "two.test", &err));
	w->base = event_base_new();
	w->worker = worker_new(w->base, worker_default_limits);
	w->config = config_must_load(
		"hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		"listen = [ \"127.0.0.1:2525\" ]; allow = [ \"192.168.0.0/16\" ];"
		"accounts = ( { " CONFIG_ACCOUNT " } );");
	mem_replace_str(&w->config->tls_certificate, in_dir("live.crt"));
	mem_replace_str(&w->config->tls_key, in_dir("live.key"));
	mem_replace_str(&w->config->users_file, in_dir("users"));
	assert_int_equal(symlink("one.crt", in_dir("live.crt")), 0);
	assert_int_equal(symlink("one.key", in_dir("live.key")), 0);
	w->watch = watch_new(w->base, w->worker, INTERVAL_MS, on_change, w);
	watch_begin(w->watch, w->config, inbound_files_signature(w->config));
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "one.crt",	 "one.key",  "two.crt", "two.key",
					     "live.crt", "live.key", "users" };
	struct world *w = *state;
	watch_free(w->watch);
	worker_free(w->worker);
	config_unref(w->config);
	event_base_free(w->base);
	free(w);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_dir(names[i]));
	assert_int_equal(rmdir(dir), 0);
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	return 0;
}

static void wait_for_call(struct world *w)
{
	w->called = false;
	assert_true(run_loop_until(w->base, &w->called, LIMIT_MS));
}

static void link_to(const char *target, const char *name)
{
	assert_int_equal(symlink(target, in_dir("new")), 0);
	assert_int_equal(rename(in_dir("new"), in_dir(name)), 0);
}

/* As certbot does it: certificate first, then key. In between they do not fit. */
static void a_renewal(void **state)
{
	struct world *w = *state;
	run_loop_for(w->base, 10 * INTERVAL_MS);
	assert_false(w->called);
	link_to("two.crt", "live.crt");
	wait_for_call(w);
	assert_int_equal(w->refused, 1);
	assert_non_null(strstr(w->err.text, "this key is not the certificate's"));
	/* Told once. */
	run_loop_for(w->base, 20 * INTERVAL_MS);
	assert_int_equal(w->refused, 1);
	link_to("two.key", "live.key");
	wait_for_call(w);
	assert_int_equal(w->loaded, 1);
	run_loop_for(w->base, 20 * INTERVAL_MS);
	assert_int_equal(w->loaded + w->refused, 2);
}

static void users_too(void **state)
{
	struct world *w = *state;
	write_text("users", "anna\n");
	wait_for_call(w);
	assert_int_equal(w->refused, 1);
	unlink(in_dir("users"));
	wait_for_call(w);
	assert_int_equal(w->loaded, 1);
}

/* A reload in the meantime: what a look finds under the old configuration is nobody's business. */
static void nothing_after_the_end(void **state)
{
	struct world *w = *state;
	write_text("users", "anna\n");
	while (worker_pending(w->worker) == 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	watch_stop(w->watch);
	run_loop_for(w->base, 20 * INTERVAL_MS);
	assert_false(w->called);
	watch_begin(w->watch, w->config, inbound_files_signature(w->config));
	run_loop_for(w->base, 20 * INTERVAL_MS);
	assert_false(w->called);
	/* Freed with a job under way. */
	while (worker_pending(w->worker) == 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	watch_free(w->watch);
	w->watch = NULL;
	run_loop_for(w->base, 10 * INTERVAL_MS);
	watch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_renewal, setup, teardown),
		cmocka_unit_test_setup_teardown(users_too, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_after_the_end, setup, teardown),
	};
	return cmocka_run_group_tests_name("daemon/watch", tests, NULL, NULL);
}

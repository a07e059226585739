/* SPDX-License-Identifier: MIT */
/* WRAP: accept4 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "common/clock.h"
#include "inbound/server.h"
#include "tests/unit/support/config_text.h"
#include "tests/unit/support/inbound_world.h"
#include "tests/unit/support/run_loop.h"

/* --- accept4() that fails as long as it is told -------------------------------------------- */

int __real_accept4(int fd, struct sockaddr *sa, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *length, int flags);

static int accept_error;
static unsigned accept_calls;

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *length, int flags)
{
	accept_calls++;
	if (accept_error == 0)
		return __real_accept4(fd, sa, length, flags);
	errno = accept_error;
	return -1;
}

/* --- clients over TCP ---------------------------------------------------------------------- */

static in_port_t port_of(const struct inbound *in)
{
	struct sockaddr_in sa = { 0 };
	socklen_t length = sizeof(sa);
	const struct listener *listener = TAILQ_FIRST(&in->listeners);
	assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&sa, &length), 0);
	assert_int_equal(sa.sin_family, AF_INET);
	return sa.sin_port;
}

/* From 127.0.0.`from`. */
static int dial(in_port_t port, unsigned from)
{
	struct sockaddr_in me = { .sin_family = AF_INET,
				  .sin_addr = { htonl(0x7f000000u + from) } };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) },
				  .sin_port = port };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof(me)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What comes first, as a string of its own. */
static const char *hear(struct inbound_world *w, int fd)
{
	static char text[512];
	int64_t deadline = clock_mono_ms() + 5000;
	ssize_t n;
	while ((n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
		assert_true(clock_mono_ms() < deadline);
		run_loop_for(w->base, 5);
	}
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static bool is_closed(int fd)
{
	char c;
	return recv(fd, &c, 1, 0) == 0;
}

static void assert_starts(const char *text, const char *with)
{
	if (strncmp(text, with, strlen(with)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, with);
}

static void accepts_and_greets(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	int fd = dial(port_of(w->in), 1);
	(void)state;
	assert_string_equal(hear(w, fd), "220 relay.contoso.com ESMTP oauthrelay\r\n");
	struct inbound_counters counters = inbound_counters(w->in);
	assert_int_equal(counters.connections_total, 1);
	assert_int_equal(counters.connections_now, 1);
	close(fd);
	run_loop_for(w->base, 50);
	assert_int_equal(inbound_counters(w->in).connections_now, 0);
	inbound_world_free(w);
}

static void limits_connections(void **state)
{
	struct inbound_world *w =
		inbound_world_new("limits = { connections = 4; connections_per_address = 2; };");
	in_port_t port = port_of(w->in);
	int fds[4], extra;
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		fds[i] = dial(port, 1 + i / 2);
		assert_starts(hear(w, fds[i]), "220 ");
	}
	/* One too many in all; and then, after one has gone, too many from its address. */
	extra = dial(port, 3);
	assert_string_equal(hear(w, extra),
			    "421 4.3.2 Too many connections: 4 are allowed, try again later\r\n");
	assert_true(is_closed(extra));
	close(extra);
	close(fds[3]);
	run_loop_for(w->base, 50);
	extra = dial(port, 1);
	assert_string_equal(hear(w, extra),
			    "421 4.7.0 Too many connections from your address: 2 are allowed\r\n");
	assert_true(is_closed(extra));
	close(extra);
	extra = dial(port, 3);
	assert_starts(hear(w, extra), "220 ");
	close(extra);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	run_loop_for(w->base, 50);
	assert_int_equal(inbound_counters(w->in).connections_now, 0);
	assert_int_equal(inbound_counters(w->in).refused_total, 2);
	inbound_world_free(w);
}

/* What a device may have counts instead of what each address may have. */
static void a_device_has_its_own_number(void **state)
{
	struct inbound_world *w = inbound_world_new(
		"limits = { connections_per_address = 2; };"
		"devices = ( { name = \"erp\"; address = \"127.0.0.5\"; connections = 3; } );");
	in_port_t port = port_of(w->in);
	int fds[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = dial(port, 5);
		assert_starts(hear(w, fds[i]), "220 ");
	}
	int extra = dial(port, 5);
	assert_string_equal(hear(w, extra),
			    "421 4.7.0 Too many connections from erp: 3 are allowed\r\n");
	close(extra);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	run_loop_for(w->base, 50);
	inbound_world_free(w);
}

/* DOS-08: without descriptors it waits, and neither turns in circles nor forgets to go on. */
static void dos_08_no_descriptors(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	(void)state;
	accept_error = EMFILE;
	accept_calls = 0;
	int fd = dial(port_of(w->in), 1);
	run_loop_for(w->base, 600);
	assert_in_range(accept_calls, 2, 4);
	accept_error = 0;
	assert_starts(hear(w, fd), "220 ");
	close(fd);
	inbound_world_free(w);
}

static struct config *config_listening_on(const char *listeners)
{
	struct strbuf text;
	strbuf_init(&text, 8192);
	strbuf_addf(&text,
		    "hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		    "listeners = ( %s ); allow = [ \"192.168.0.0/16\" ];"
		    "accounts = ( { " CONFIG_ACCOUNT " } );",
		    listeners);
	struct config *config = config_must_load(strbuf_cstr(&text));
	strbuf_done(&text);
	return config;
}

static void says_what_is_wrong(void **state)
{
	static const struct inbound_ops no_ops;
	struct inbound_world *w = inbound_world_new("");
	struct err err = { .text = "" };
	char listener[128], want[128];
	unsigned port = ntohs(port_of(w->in));
	(void)state;
	snprintf(listener, sizeof(listener),
		 "{ address = \"127.0.0.1:0\"; tls = \"none\"; },"
		 "{ address = \"127.0.0.1:%u\"; tls = \"none\"; }",
		 port);
	struct config *config = config_listening_on(listener);
	assert_null(inbound_new(w->base, w->worker, config, &no_ops, &err));
	snprintf(want, sizeof(want), "cannot listen on 127.0.0.1:%u: Address already in use", port);
	assert_starts(err.text, want);
	assert_non_null(strstr(err.text, "ss -ltnp"));
	config_unref(config);
	config = config_listening_on("{ address = \"192.0.2.1:2525\"; tls = \"none\"; }");
	assert_null(inbound_new(w->base, w->worker, config, &no_ops, &err));
	assert_starts(err.text, "cannot listen on 192.0.2.1:2525: Cannot assign requested address");
	config_unref(config);
	inbound_world_free(w);
}

/* IPv6 is IPv6 only, so that both families can have the same port. */
static void both_families(void **state)
{
	static const struct inbound_ops no_ops;
	struct event_base *base = event_base_new();
	struct err err = { .text = "" };
	(void)state;
	struct config *config = config_listening_on("{ address = \"[::1]:0\"; tls = \"none\"; }");
	struct inbound *in = inbound_new(base, NULL, config, &no_ops, &err);
	if (in == NULL && (err.code == EADDRNOTAVAIL || err.code == EAFNOSUPPORT)) {
		print_message("no IPv6 here: skipped\n");
		config_unref(config);
		event_base_free(base);
		skip();
	}
	assert_non_null(in);
	int only = 0;
	socklen_t length = sizeof(only);
	assert_int_equal(getsockopt(TAILQ_FIRST(&in->listeners)->fd, IPPROTO_IPV6, IPV6_V6ONLY,
				    &only, &length),
			 0);
	assert_int_equal(only, 1);
	inbound_free(in);
	config_unref(config);
	event_base_free(base);
}

/* A reload: new rules for new sessions, old ones keep theirs; new sockets need a restart. */
static void reload(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	struct err err;
	bool restart_needed;
	(void)state;
	int old = dial(port_of(w->in), 1);
	assert_starts(hear(w, old), "220 relay.contoso.com ");

	struct config *config =
		config_listening_on("{ address = \"127.0.0.1:0\"; tls = \"none\"; }");
	free(config->hostname);
	config->hostname = strdup("new.contoso.com");
	inbound_configure(w->in, config, inbound_files_load(config, &err), &restart_needed);
	config_unref(config);
	assert_false(restart_needed);
	int new = dial(port_of(w->in), 1);
	assert_starts(hear(w, new), "220 new.contoso.com ");
	assert_true(send(old, "HELO x\r\n", 8, 0) == 8);
	assert_string_equal(hear(w, old), "250 relay.contoso.com\r\n");
	close(new);

	config = config_listening_on("{ address = \"127.0.0.2:0\"; tls = \"none\"; }");
	inbound_configure(w->in, config, inbound_files_load(config, &err), &restart_needed);
	config_unref(config);
	assert_true(restart_needed);
	new = dial(port_of(w->in), 1);
	assert_starts(hear(w, new), "421 4.3.2 ");
	close(new);
	close(old);
	inbound_world_free(w);
}

static void stops_listening(void **state)
{
	struct inbound_world *w = inbound_world_new("");
	in_port_t port = port_of(w->in);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) },
				  .sin_port = port };
	(void)state;
	int fd = dial(port, 1);
	assert_starts(hear(w, fd), "220 ");
	inbound_stop_listening(w->in);
	int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(late);
	assert_true(send(fd, "QUIT\r\n", 6, 0) == 6);
	assert_starts(hear(w, fd), "221 ");
	close(fd);
	inbound_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_greets),
		cmocka_unit_test(limits_connections),
		cmocka_unit_test(a_device_has_its_own_number),
		cmocka_unit_test(dos_08_no_descriptors),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(both_families),
		cmocka_unit_test(reload),
		cmocka_unit_test(stops_listening),
	};
	return cmocka_run_group_tests_name("inbound/listener", tests, NULL, NULL);
}

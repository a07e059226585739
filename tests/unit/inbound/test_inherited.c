/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attr.h"
#include "inbound/inherited.h"
#include "tests/unit/support/config_text.h"

enum {
	FIRST = 100 /* where the descriptors stand */
};

static struct config *config_listening_on(const char *listen)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	strbuf_addf(&text,
		    "hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		    "listen = [ %s ]; allow = [ \"192.168.0.0/16\" ];"
		    "accounts = ( { " CONFIG_ACCOUNT " } );",
		    listen);
	struct config *config = config_must_load(strbuf_cstr(&text));
	strbuf_done(&text);
	return config;
}

/* A socket bound to address, as the next descriptor; its port. */
static unsigned give(int at, const char *address, bool v6only, bool listening)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
	struct sockaddr *sa = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t length = is_v6 ? sizeof(v6) : sizeof(v4);
	int only = v6only;
	assert_true(is_v6 || inet_pton(AF_INET, address, &v4.sin_addr) == 1);
	int fd = socket(sa->sa_family, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	if (is_v6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)), 0);
	assert_int_equal(bind(fd, sa, length), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, sa, &length), 0);
	assert_int_equal(dup2(fd, at), at);
	close(fd);
	return ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static const struct inherited_socket *find(const struct inherited *in, const struct config *config,
					   size_t listener)
{
	return inherited_find(in, &config->listeners[listener]);
}

static void the_same_address_is_used(void **state)
{
	struct inherited in;
	char listen[128];
	(void)state;
	unsigned port = give(FIRST, "127.0.0.1", false, true);
	snprintf(listen, sizeof(listen), "\"127.0.0.2:%u\", \"127.0.0.1:%u\"", port, port);
	struct config *config = config_listening_on(listen);
	inherited_init(&in, FIRST, 1, config);
	assert_int_equal(in.count, 1);
	assert_null(find(&in, config, 0));
	assert_non_null(find(&in, config, 1));
	assert_int_equal(find(&in, config, 1)->fd, FIRST);
	/* Whoever uses it keeps it open. */
	in.sockets[0].listener = (struct listener *)&in;
	inherited_done(&in);
	assert_true(is_open(FIRST));
	close(FIRST);
	config_unref(config);
}

static void what_fits_nothing_is_closed(void **state)
{
	struct inherited in;
	(void)state;
	struct config *config = config_listening_on("\"127.0.0.1:9\"");
	(void)give(FIRST, "127.0.0.1", false, true);
	(void)give(FIRST + 1, "127.0.0.1", false, false);
	assert_int_equal(dup2(STDERR_FILENO, FIRST + 2), FIRST + 2);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(dup2(pair[0], FIRST + 3), FIRST + 3);
	inherited_init(&in, FIRST, 5, config); /* the last is not even there */
	assert_int_equal(in.count, 0);
	for (int fd = FIRST; fd < FIRST + 4; fd++)
		assert_false(is_open(fd));
	assert_null(find(&in, config, 0));
	inherited_done(&in);
	close(pair[0]);
	close(pair[1]);
	config_unref(config);
}

/* [::] with both families serves 0.0.0.0 too, unless that has a socket of its own. */
static void dual_stack(void **state)
{
	struct inherited in;
	char listen[128];
	(void)state;
	for (unsigned v6only = 0; v6only < 2; v6only++) {
		unsigned port = give(FIRST, "::", v6only != 0, true);
		snprintf(listen, sizeof(listen), "\"0.0.0.0:%u\", \"[::]:%u\", \"127.0.0.1:%u\"",
			 port, port, port);
		struct config *config = config_listening_on(listen);
		inherited_init(&in, FIRST, 1, config);
		assert_int_equal(in.count, 1);
		assert_int_equal(in.sockets[0].dual, !v6only);
		assert_int_equal(find(&in, config, 0) != NULL, !v6only);
		assert_non_null(find(&in, config, 1));
		assert_null(find(&in, config, 2));
		inherited_done(&in);
		assert_false(is_open(FIRST));
		config_unref(config);
		/* Only 0.0.0.0 is wanted. */
		port = give(FIRST, "::", v6only != 0, true);
		snprintf(listen, sizeof(listen), "\"0.0.0.0:%u\"", port);
		config = config_listening_on(listen);
		inherited_init(&in, FIRST, 1, config);
		assert_int_equal(in.count, !v6only);
		inherited_done(&in);
		assert_false(is_open(FIRST));
		config_unref(config);
	}
}

static void none_at_all(void **state)
{
	struct inherited in;
	(void)state;
	struct config *config = config_listening_on("\"127.0.0.1:9\"");
	inherited_init(&in, FIRST, 0, config);
	assert_null(find(&in, config, 0));
	inherited_done(&in);
	config_unref(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_address_is_used),
		cmocka_unit_test(what_fits_nothing_is_closed),
		cmocka_unit_test(dual_stack),
		cmocka_unit_test(none_at_all),
	};
	return cmocka_run_group_tests_name("inbound/inherited", tests, NULL, NULL);
}

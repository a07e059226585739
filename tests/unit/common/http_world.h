/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_HTTP_WORLD_H
#define OAUTHRELAY_TESTS_HTTP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http.h"
#include "common/http_reply.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/resolver.h"
#include "common/strbuf.h"
#include "common/tls.h"
#include "common/worker.h"
#include "tests/unit/support/run_loop.h"

/* ---- names: "login" has a dead first address, none.test none, stuck.test waits; one of
 * mixed.test's is another machine's ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool silent; /* under lock */

static inline void set_silent(bool value)
{
	pthread_mutex_lock(&lock);
	silent = value;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

struct node {
	struct addrinfo info;
	struct sockaddr_in in;
};

static inline struct addrinfo *node_new(const char *address, struct addrinfo *next)
{
	struct node *node = mem_zalloc(sizeof(*node));
	node->in.sin_family = AF_INET;
	inet_pton(AF_INET, address, &node->in.sin_addr);
	node->info.ai_family = AF_INET;
	node->info.ai_addr = (struct sockaddr *)&node->in;
	node->info.ai_next = next;
	return &node->info;
}

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list);

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		       struct addrinfo **list)
{
	(void)service;
	(void)hints;
	pthread_mutex_lock(&lock);
	while (silent && strcmp(host, "stuck.test") == 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (strcmp(host, "none.test") == 0)
		return EAI_NONAME;
	*list = node_new("127.0.0.1", NULL);
	if (strcmp(host, "mixed.test") == 0)
		(*list)->ai_next = node_new("192.0.2.1", NULL);
	if (strcmp(host, "login") == 0)
		*list = node_new("127.0.0.9", *list);
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list);

void __wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list != NULL) {
		struct addrinfo *next = list->ai_next;
		free((struct node *)list);
		list = next;
	}
}

/* ---- the server ---- */

struct server {
	char folder[64], certificate[96], key[96];
	pid_t pid;
	int input;
	unsigned port, old_port, silent_port, plain_port;
	unsigned connect_port, socks_port, private_socks_port; /* proxies */
};

/* The same certificate, but it ended yesterday. */
static inline void let_it_expire(const char *certificate, const char *key)
{
	FILE *file = fopen(certificate, "r");
	X509 *x = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	file = fopen(key, "r");
	EVP_PKEY *pair = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	(void)fclose(file);
	X509_gmtime_adj(X509_getm_notBefore(x), -2 * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(x), -86400L);
	assert_true(X509_sign(x, pair, EVP_sha256()) > 0);
	file = fopen(certificate, "w");
	assert_int_equal(PEM_write_X509(file, x), 1);
	(void)fclose(file);
	X509_free(x);
	EVP_PKEY_free(pair);
}

static inline unsigned take_port(struct str *rest)
{
	uint64_t port = 0;
	assert_true(str_to_u64(str_word(rest), 65535, &port));
	return (unsigned)port;
}

static inline void server_start(struct server *server, bool expired)
{
	static const char script[] = "http_server.py";
	int in[2], out[2];
	char path[512], ports[128] = "";
	struct err err;
	size_t folder = strlen(__FILE__) - strlen("http_world.h");
	snprintf(path, sizeof(path), "%.*s%s", (int)folder, __FILE__, script);
	snprintf(server->folder, sizeof(server->folder), "/tmp/test_http.XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->certificate, sizeof(server->certificate), "%s/c.pem", server->folder);
	snprintf(server->key, sizeof(server->key), "%s/k.pem", server->folder);
	if (!tls_make_self_signed(server->certificate, server->key, "login.test", &err))
		fail_msg("%s", err.text);
	if (expired)
		let_it_expire(server->certificate, server->key);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		execl("/usr/bin/python3", "/usr/bin/python3", "-I", "-W", "ignore", path,
		      server->certificate, server->key, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server->input = in[1];
	FILE *lines = fdopen(out[0], "r");
	assert_non_null(fgets(ports, sizeof(ports), lines));
	(void)fclose(lines);
	struct str rest = { ports, strcspn(ports, "\n") };
	server->port = take_port(&rest);
	server->old_port = take_port(&rest);
	server->silent_port = take_port(&rest);
	server->plain_port = take_port(&rest);
	server->connect_port = take_port(&rest);
	server->socks_port = take_port(&rest);
	server->private_socks_port = take_port(&rest);
}

static inline void server_stop(struct server *server)
{
	close(server->input);
	waitpid(server->pid, NULL, 0);
	unlink(server->certificate);
	unlink(server->key);
	rmdir(server->folder);
}

/* ---- fixture ---- */

static struct server server; /* one for all tests */

struct fixture {
	struct event_base *base;
	struct worker *worker;
	struct resolver *resolver;
	struct http *http;
	const char *ca_file;
	bool done;
	int times;
	struct http_reply reply; /* body and content_type are in the buffers below */
	struct strbuf body, type, authenticate;
	struct http_request *cancelled_inside;
};

static inline int start_server(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	server_start(&server, false);
	return 0;
}

static inline int stop_server(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

static inline int setup(void **state)
{
	struct fixture *f = mem_zalloc(sizeof(*f));
	f->base = event_base_new();
	f->worker = worker_new(f->base, worker_default_limits);
	f->resolver = resolver_new(f->worker, f->base);
	f->http = http_new(f->base, f->resolver);
	f->ca_file = server.certificate;
	strbuf_init(&f->body, 1 << 20);
	strbuf_init(&f->type, 4096);
	strbuf_init(&f->authenticate, 4096);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	set_silent(false);
	http_free(f->http);
	resolver_free(f->resolver);
	worker_free(f->worker);
	event_base_free(f->base);
	strbuf_done(&f->body);
	strbuf_done(&f->type);
	strbuf_done(&f->authenticate);
	free(f);
	return 0;
}

static inline void on_reply(void *arg, const struct http_reply *reply)
{
	struct fixture *f = arg;
	f->done = true;
	f->times++;
	f->reply = *reply;
	strbuf_reset(&f->body);
	strbuf_reset(&f->type);
	strbuf_addstr(&f->body, reply->body);
	strbuf_addstr(&f->type, reply->content_type);
	strbuf_reset(&f->authenticate);
	strbuf_addstr(&f->authenticate, reply->authenticate);
	http_cancel(f->cancelled_inside);
}

static inline struct http_params params_for(const struct fixture *f, const char *url)
{
	return (struct http_params){
		.url = url, .ca_file = f->ca_file, .timeout_ms = 10000, .reply_max = 64 * 1024
	};
}

static inline void run(struct fixture *f, const struct http_params *params)
{
	f->done = false;
	f->times = 0;
	http_start(f->http, params, on_reply, f);
	assert_false(f->done);
	assert_true(run_loop_until(f->base, &f->done, 20000));
	assert_int_equal(f->times, 1);
}

static inline void get_from(struct fixture *f, const char *host, unsigned port, const char *target,
			    int64_t timeout_ms)
{
	struct strbuf url;
	strbuf_init(&url, 4096);
	strbuf_addf(&url, "https://%s:%u%s", host, port, target);
	struct http_params params = params_for(f, strbuf_cstr(&url));
	params.timeout_ms = timeout_ms;
	run(f, &params);
	strbuf_done(&url);
}

static inline void get(struct fixture *f, const char *target)
{
	get_from(f, "login.test", server.port, target, 10000);
}

static inline void expect(const struct fixture *f, enum http_failure failure, const char *text)
{
	if (f->reply.failure != failure)
		fail_msg("%s: %s", http_failure_name(f->reply.failure), f->reply.err.text);
	if (strstr(f->reply.err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, f->reply.err.text);
	assert_null(strchr(f->reply.err.text, '\n'));
	if (failure != HTTP_OK)
		assert_int_equal(f->reply.retry_after_ms, -1);
}

/* Of a request as /echo shows it; "(none)". */
static inline struct str header_of(const cJSON *request, const char *name)
{
	struct str value = STR("(none)");
	if (!json_get_str(cJSON_GetObjectItemCaseSensitive(request, "headers"), name, &value))
		return STR("(none)");
	return value;
}

static inline void expect_status(const struct fixture *f, long status)
{
	expect(f, HTTP_OK, "");
	assert_int_equal(f->reply.status, status);
}

#endif

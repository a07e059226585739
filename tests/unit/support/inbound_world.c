/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/inbound_world.h"

#include <crypt.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/worker.h"
#include "inbound/server.h"
#include "tests/unit/support/config_text.h"

enum {
	LIMIT_MS = 5000,
	CONTENT_MAX = 64 * 1024 * 1024
};

/* --- the other side ------------------------------------------------------------------------ */

struct inbound_message {
	struct inbound_world *world;
	struct world_message kept;
	unsigned writes;
	void (*resume)(void *arg);
	void *resume_arg;
	bool paused;
	inbound_accepted_cb *cb;
	void *cb_arg;
	struct event *later;
	bool finished;
};

static void destroy(struct inbound_message *m)
{
	if (m->world->held == m)
		m->world->held = NULL;
	event_free(m->later);
	envelope_done(&m->kept.envelope);
	strbuf_done(&m->kept.content);
	free(m);
}

static void keep(struct inbound_message *m)
{
	struct inbound_world *w = m->world;
	w->messages = mem_realloc_array(w->messages, w->message_count + 1, sizeof(*w->messages));
	w->messages[w->message_count++] = m->kept;
	m->kept = (struct world_message){ .envelope = { .body = BODY_7BIT } };
}

static bool is_for(const struct envelope *envelope, const char *recipient)
{
	bool found = false;
	for (size_t i = 0; recipient != NULL && i < envelope->recipient_count; i++) {
		struct strbuf text;
		strbuf_init(&text, 1024);
		address_append(&text, &envelope->recipients[i].address);
		found = found || str_eq(strbuf_str(&text), str_of(recipient));
		strbuf_done(&text);
	}
	return found;
}

static const struct inbound_refusal *finish_refusal(const struct inbound_message *m)
{
	static const struct inbound_refusal named = { 451, "4.3.0 Refused at the end" };
	const struct inbound_world *w = m->world;
	if (is_for(&m->kept.envelope, w->refuse_finish_to))
		return &named;
	return w->refuse_finish.code != 0 ? &w->refuse_finish : NULL;
}

/* What was put off: the end of a pause, or of a commit. */
static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct inbound_message *m = arg;
	struct msgid id = m->kept.envelope.id;
	(void)fd;
	(void)what;
	if (!m->finished) {
		m->paused = false;
		m->resume(m->resume_arg);
		return;
	}
	inbound_accepted_cb *cb = m->cb;
	void *cb_arg = m->cb_arg;
	const struct inbound_refusal *why = finish_refusal(m);
	if (why == NULL)
		keep(m);
	if (cb != NULL)
		cb(cb_arg, &id, 7, why);
	destroy(m);
}

static uint64_t size_limit(void *ctx, const struct config *config, const char *device,
			   const struct user *login, const char **whose)
{
	const struct inbound_world *w = ctx;
	(void)config;
	(void)device;
	(void)login;
	*whose = w->limit_of;
	return w->size_limit;
}

static bool has_account(void *ctx, const struct config *config, const char *device,
			const struct user *login, struct inbound_refusal *why)
{
	const struct inbound_world *w = ctx;
	(void)config;
	(void)device;
	(void)login;
	if (w->refuse_account.code != 0)
		*why = w->refuse_account;
	return w->refuse_account.code == 0;
}

static struct inbound_message *begin(void *ctx, const struct config *config,
				     const struct user *login, struct envelope *envelope,
				     struct inbound_refusal *why)
{
	struct inbound_world *w = ctx;
	assert_int_equal(login != NULL, envelope->user != NULL);
	assert_ptr_equal(config, w->config);
	assert_true(envelope->recipient_count != 0 && envelope->peer != NULL &&
		    envelope->helo != NULL && envelope->accepted_ms != 0);
	if (is_for(envelope, w->refuse_begin_to)) {
		*why = (struct inbound_refusal){ 452, "4.3.1 Refused at the begin" };
		return NULL;
	}
	if (w->refuse_begin.code != 0) {
		*why = w->refuse_begin;
		return NULL;
	}
	struct inbound_message *m = mem_zalloc(sizeof(*m));
	envelope->id = msgid_random();
	envelope_copy(&m->kept.envelope, envelope);
	strbuf_init(&m->kept.content, CONTENT_MAX);
	m->world = w;
	m->later = event_new(w->base, -1, 0, on_later, m);
	w->begun++;
	return m;
}

static bool write_content(struct inbound_message *m, struct str bytes)
{
	struct inbound_world *w = m->world;
	assert_false(m->paused);
	assert_false(m->finished);
	strbuf_addstr(&m->kept.content, bytes);
	assert_false(m->kept.content.overflow);
	m->writes++;
	if (w->pause_every == 0 || m->writes % w->pause_every != 0)
		return true;
	m->paused = true;
	if (w->hold_resume)
		w->held = m;
	else
		event_active(m->later, EV_TIMEOUT, 0);
	return false;
}

static void on_resume(struct inbound_message *m, void (*resume)(void *arg), void *arg)
{
	m->resume = resume;
	m->resume_arg = arg;
}

static void finish(struct inbound_message *m, const struct body_stats *stats,
		   inbound_accepted_cb *cb, void *arg)
{
	struct inbound_world *w = m->world;
	assert_false(m->paused);
	m->finished = true;
	m->kept.stats = *stats;
	m->cb = cb;
	m->cb_arg = arg;
	if (w->hold_finish)
		w->held = m;
	else
		event_active(m->later, EV_TIMEOUT, 0);
}

static void abandon(struct inbound_message *m)
{
	if (m->finished) {
		m->world->abandoned_after_finish++;
		m->cb = NULL;
		return;
	}
	m->world->abandoned++;
	destroy(m);
}

static void release(struct inbound_world *w)
{
	struct inbound_message *m = w->held;
	assert_non_null(m);
	w->held = NULL;
	event_active(m->later, EV_TIMEOUT, 0);
}

void world_resume_held(struct inbound_world *w)
{
	release(w);
}

void world_finish_held(struct inbound_world *w)
{
	release(w);
}

/* --- the world ----------------------------------------------------------------------------- */

static void write_users(const struct inbound_world *w)
{
	static const char *const rows[][3] = { { "anna", "s3cret", "" },
					       { "b%c", "p:\"\\%s", "" },
					       { "carl", "s3cret", ":networks=10.9.0.0/16" } };
	char path[128];
	snprintf(path, sizeof(path), "%s/users", w->dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct crypt_data *data = mem_zalloc(sizeof(*data));
		const char *hash = crypt_r(rows[i][1], "$5$rounds=1000$saltsalt", data);
		assert_true(fprintf(file, "%s:%s%s\n", rows[i][0], hash, rows[i][2]) > 0);
		free(data);
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static struct config *load(const struct inbound_world *w, bool tls, const char *extra)
{
	struct strbuf text;
	strbuf_init(&text, 64 * 1024);
	strbuf_addf(&text,
		    "hostname = \"relay.contoso.com\"; postmaster = \"it@contoso.com\";"
		    "state_dir = \"%s\"; users_file = \"%s/users\";"
		    "listeners = ( { address = \"127.0.0.1:0\"; tls = \"%s\"; } );"
		    "allow = [ \"192.168.0.0/16\" ]; accounts = ( { " CONFIG_ACCOUNT " } ); %s",
		    w->dir, w->dir, tls ? "starttls" : "none", extra);
	struct config *config = config_must_load(strbuf_cstr(&text));
	strbuf_done(&text);
	return config;
}

static struct inbound_world *make(bool tls, const char *extra)
{
	struct inbound_world *w = mem_zalloc(sizeof(*w));
	const struct inbound_ops ops = {
		.has_account = has_account,
		.size_limit = size_limit,
		.begin = begin,
		.write = write_content,
		.on_resume = on_resume,
		.finish = finish,
		.abandon = abandon,
		.ctx = w,
	};
	struct err err = { .text = "" };
	bool restart_needed = true;
	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	snprintf(w->dir, sizeof(w->dir), "/tmp/oar-inbound-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->size_limit = 1024 * 1024;
	w->base = event_base_new();
	w->worker = worker_new(w->base, worker_default_limits);
	write_users(w);
	w->config = load(w, tls, extra);
	w->in = inbound_new(w->base, w->worker, w->config, &ops, &err);
	if (w->in == NULL)
		fail_msg("%s", err.text);
	struct inbound_files *files = inbound_files_load(w->config, &err);
	if (files == NULL)
		fail_msg("%s", err.text);
	inbound_configure(w->in, w->config, files, &restart_needed);
	assert_false(restart_needed);
	w->listener.in = w->in;
	static char address[] = "127.0.0.1:25";
	w->listener.address = address;
	w->listener.tls = tls ? LISTENER_TLS_STARTTLS : LISTENER_TLS_NONE;
	return w;
}

struct inbound_world *inbound_world_new(const char *extra)
{
	return make(false, extra);
}

struct inbound_world *inbound_world_new_tls(const char *extra)
{
	return make(true, extra);
}

void world_clear(struct inbound_world *w)
{
	for (size_t i = 0; i < w->message_count; i++) {
		envelope_done(&w->messages[i].envelope);
		strbuf_done(&w->messages[i].content);
	}
	free(w->messages);
	w->messages = NULL;
	w->message_count = 0;
	w->begun = 0;
	w->abandoned = 0;
}

static void remove_file(const struct inbound_world *w, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	unlink(path);
}

void inbound_world_free(struct inbound_world *w)
{
	inbound_free(w->in);
	world_clear(w);
	while (worker_pending(w->worker) != 0)
		event_base_loop(w->base, EVLOOP_ONCE);
	if (w->held != NULL)
		destroy(w->held);
	worker_free(w->worker);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	event_base_free(w->base);
	config_unref(w->config);
	remove_file(w, "users");
	remove_file(w, "self-signed.crt");
	remove_file(w, "self-signed.key");
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
}

/* --- clients ------------------------------------------------------------------------------- */

static void on_client_read(struct bufferevent *bev, void *arg)
{
	struct world_client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	strbuf_add(&c->in, evbuffer_pullup(in, -1), n);
	assert_false(c->in.overflow);
	evbuffer_drain(in, n);
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
	struct world_client *c = arg;
	(void)bev;
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		c->secured = true;
		return;
	}
	c->closed = true;
	c->failed = !c->secured;
}

static void set_callbacks(struct world_client *c)
{
	bufferevent_setcb(c->bev, on_client_read, NULL, on_client_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

struct world_client *world_connect(struct inbound_world *w, const char *address)
{
	struct world_client *c = mem_zalloc(sizeof(*c));
	struct netaddr addr;
	struct sockaddr_storage sa = { .ss_family = AF_INET };
	int pair[2];
	assert_true(netaddr_parse(str_of(address), &addr));
	if (netaddr_is_v4(&addr)) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(1025) };
		memcpy(&in.sin_addr, addr.b + 12, 4);
		memcpy(&sa, &in, sizeof(in));
	} else {
		struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(1025) };
		memcpy(&in.sin6_addr, addr.b, 16);
		memcpy(&sa, &in, sizeof(in));
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	c->world = w;
	c->fd = pair[1];
	strbuf_init(&c->in, CONTENT_MAX);
	c->bev = bufferevent_socket_new(w->base, c->fd, 0);
	set_callbacks(c);
	inbound_connected(w->in, &w->listener, pair[0], (struct sockaddr *)&sa);
	return c;
}

void client_free(struct world_client *c)
{
	bufferevent_free(c->bev);
	/* So that the descriptor is forgotten by the loop before it is closed. */
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
	SSL_free(c->ssl);
	close(c->fd);
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
	strbuf_done(&c->in);
	free(c);
}

static void turn(struct world_client *c)
{
	event_base_loop(c->world->base, EVLOOP_NONBLOCK);
}

/* One turn that waits, but not for ever. */
static bool turn_until(struct world_client *c, int64_t deadline)
{
	const struct timeval tick = { .tv_usec = 20000 };
	event_base_loopexit(c->world->base, &tick);
	event_base_loop(c->world->base, EVLOOP_ONCE);
	return clock_mono_ms() < deadline;
}

void world_settle(struct inbound_world *w)
{
	struct world_client nobody = { .world = w };
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (!TAILQ_EMPTY(&w->in->sessions))
		if (!turn_until(&nobody, deadline))
			fail_msg("sessions are left");
}

void client_send(struct world_client *c, struct str bytes, size_t n)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (bytes.n != 0 && !c->closed) {
		struct str piece = str_head(bytes, n);
		bytes = str_skip(bytes, piece.n);
		bufferevent_write(c->bev, piece.p, piece.n);
		do {
			turn(c);
		} while (!c->closed && evbuffer_get_length(bufferevent_get_output(c->bev)) != 0 &&
			 clock_mono_ms() < deadline);
	}
	turn(c);
}

void client_say(struct world_client *c, const char *text)
{
	client_send(c, str_of(text), SIZE_MAX);
}

void client_shut(struct world_client *c)
{
	if (!c->closed)
		shutdown(c->fd, SHUT_WR);
}

void client_reset(struct world_client *c)
{
	/* On a socket pair, closing with unread data is a reset; reading has to stop first. */
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	shutdown(c->fd, SHUT_RDWR);
	turn(c);
}

void client_wait(struct world_client *c, const char *text)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	const char *hit;
	while ((hit = strstr(strbuf_cstr(&c->in) + c->seen, text)) == NULL) {
		if (c->closed || !turn_until(c, deadline))
			fail_msg("waited for \"%s\", have \"%s\"%s", text, strbuf_cstr(&c->in),
				 c->closed ? " and a close" : "");
	}
	c->seen = (size_t)(hit - strbuf_cstr(&c->in)) + strlen(text);
}

void client_wait_closed(struct world_client *c)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	while (!c->closed)
		if (!turn_until(c, deadline))
			fail_msg("waited for a close, have \"%s\"", strbuf_cstr(&c->in));
}

void client_ask(struct world_client *c, const char *command, const char *reply)
{
	client_say(c, command);
	client_wait(c, reply);
}

bool client_handshake(struct world_client *c)
{
	int64_t deadline = clock_mono_ms() + LIMIT_MS;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	c->ssl = SSL_new(context);
	SSL_CTX_free(context);
	bufferevent_free(c->bev);
	c->bev = bufferevent_openssl_socket_new(c->world->base, c->fd, c->ssl,
						BUFFEREVENT_SSL_CONNECTING, 0);
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	set_callbacks(c);
	while (!c->secured && !c->closed)
		if (!turn_until(c, deadline))
			fail_msg("the handshake does not end");
	return c->secured;
}

char *client_codes(const struct world_client *c)
{
	struct strbuf codes;
	struct str rest = strbuf_str(&c->in);
	ptrdiff_t end;
	strbuf_init(&codes, CONTENT_MAX);
	while ((end = str_chr(rest, '\n')) >= 0) {
		struct str line = str_head(rest, (size_t)end);
		rest = str_skip(rest, (size_t)end + 1);
		assert_true(line.n >= 5 && line.n < 512 && line.p[line.n - 1] == '\r');
		for (size_t i = 0; i + 1 < line.n; i++)
			assert_true(ascii_is_print(line.p[i]));
		if (line.p[3] == '-')
			continue;
		assert_int_equal(line.p[3], ' ');
		strbuf_adds(&codes, codes.n != 0 ? " " : "");
		strbuf_add(&codes, line.p, 3);
	}
	assert_int_equal(rest.n, 0);
	return strbuf_steal(&codes);
}

void world_dialogue(struct inbound_world *w, const char *name, struct str input, const char *codes)
{
	static const size_t pieces[] = { SIZE_MAX, 1 };
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct world_client *c = world_connect(w, "192.168.1.9");
		client_send(c, input, pieces[i]);
		client_shut(c);
		client_wait_closed(c);
		char *got = client_codes(c);
		if (strcmp(got, codes) != 0)
			fail_msg("%s, pieces of %zd: expected %s, got %s:\n%s", name,
				 (ssize_t)pieces[i], codes, got, strbuf_cstr(&c->in));
		free(got);
		client_free(c);
	}
}

char *world_base64(struct str bytes)
{
	struct strbuf out;
	strbuf_init(&out, 64 * 1024);
	base64_encode(&out, bytes);
	return strbuf_steal(&out);
}

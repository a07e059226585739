/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/inbound_world.h"

#include <crypt.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base64.h"
#include "common/mem.h"
#include "common/worker.h"
#include "inbound/server.h"
#include "tests/unit/support/config_text.h"

enum {
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

char *world_base64(struct str bytes)
{
	struct strbuf out;
	strbuf_init(&out, 64 * 1024);
	base64_encode(&out, bytes);
	return strbuf_steal(&out);
}

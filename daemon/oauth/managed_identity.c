/* SPDX-License-Identifier: MIT */
#include "oauth/managed_identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/echo.h"
#include "common/mem.h"
#include "common/strbuf.h"
#include "common/worker.h"
#include "config/config.h"
#include "oauth/arc_challenge.h"
#include "oauth/token_request.h"

enum {
	TIMEOUT_MS = 30 * 1000, /* both requests together */
	REPLY_MAX = 64 * 1024,
	URL_MAX = 16 * 1024,
};

/* Where the two kinds of machine have it, and what they want in the query. */
struct host_kind {
	const char *endpoint;
	const char *api_version;
	bool takes_client_id; /* for one of several identities */
};

static const struct host_kind host_kinds[] = {
	[IDENTITY_AZURE_VM] = { "http://169.254.169.254/metadata/identity/oauth2/token",
				"2018-02-01", true },
	[IDENTITY_AZURE_ARC] = { "http://localhost:40342/metadata/identity/oauth2/token",
				 "2020-06-01", false },
};

/* The file's content, fetched in the disk lane. The worker owns it until done. */
struct key_job {
	struct job job;
	struct managed_identity *request; /* NULL: cancelled */
	char *name;
	bool ok;
	struct secret key;
	struct err err;
};

/* Exactly one of request and key_job is there at any time. */
struct managed_identity {
	struct http *http;
	struct worker *worker;
	struct http_request *request;
	struct key_job *key_job;
	char *url;
	char *ca_file;
	bool is_arc;
	bool answered;	   /* the challenge */
	struct secret key; /* that was shown for it */
	int64_t started_at;
	http_cb *cb;
	void *arg;
};

static void free_identity(struct managed_identity *identity)
{
	free(identity->url);
	free(identity->ca_file);
	secret_done(&identity->key);
	free(identity);
}

static void finish(struct managed_identity *identity, const struct http_reply *reply)
{
	struct http_reply whole = *reply;
	/* Whoever judges the reply does not know the key, and shows what the endpoint says. */
	if (identity->key.n != 0 && echo_repeats(reply->body, secret_reveal(&identity->key)))
		whole.body = STR("{\"error\":\"error\",\"error_description\":\"(not shown, because "
				 "it repeats the key that was shown)\"}");
	http_cb *cb = identity->cb;
	void *arg = identity->arg;
	whole.took_ms = clock_mono_ms() - identity->started_at;
	free_identity(identity);
	cb(arg, &whole);
}

static void fail(struct managed_identity *identity, const struct err *err)
{
	const struct http_reply reply = {
		.failure = HTTP_FAIL_OTHER,
		.err = *err,
		.retry_after_ms = -1,
		.date_ms = -1,
	};
	finish(identity, &reply);
}

/* ---- the requests ---- */

static void on_reply(void *arg, const struct http_reply *reply);

/* key NULL: the first one. */
static void ask(struct managed_identity *identity, const struct secret *key)
{
	struct secret proof = { 0 };
	struct http_header headers[2] = { { "Metadata", STR("true") } };
	if (key != NULL) {
		static const char scheme[] = "Basic ";
		struct str value = secret_reveal(key);
		proof.n = strlen(scheme) + value.n;
		proof.p = mem_zalloc(proof.n + 1);
		memcpy(proof.p, scheme, strlen(scheme));
		memcpy(proof.p + strlen(scheme), value.p, value.n);
		headers[1] = (struct http_header){ "Authorization", secret_reveal(&proof) };
	}
	int64_t left = TIMEOUT_MS - (clock_mono_ms() - identity->started_at);
	const struct http_params params = {
		.url = identity->url,
		.ca_file = identity->ca_file,
		.headers = headers,
		.header_count = key != NULL ? 2 : 1,
		.local_http = true,
		.timeout_ms = left > 0 ? left : 1,
		.reply_max = REPLY_MAX,
	};
	identity->request = http_start(identity->http, &params, on_reply, identity);
	secret_done(&proof);
}

/* ---- the challenge ---- */

static void key_run(struct job *job)
{
	struct key_job *key_job = (struct key_job *)(void *)job;
	key_job->ok = arc_challenge_read(arc_challenge_folder, key_job->name, &key_job->key,
					 &key_job->err);
}

static void key_done(struct job *job)
{
	struct key_job *key_job = (struct key_job *)(void *)job;
	struct managed_identity *identity = key_job->request;
	if (identity != NULL) {
		identity->key_job = NULL;
		if (key_job->ok) {
			secret_set(&identity->key, secret_reveal(&key_job->key));
			ask(identity, &key_job->key);
		} else {
			fail(identity, &key_job->err);
		}
	}
	secret_done(&key_job->key);
	free(key_job->name);
	free(key_job);
}

static void answer_challenge(struct managed_identity *identity, struct str authenticate)
{
	char *name = NULL;
	struct err err;
	if (!arc_challenge_parse(authenticate, arc_challenge_folder, &name, &err)) {
		fail(identity, &err);
		return;
	}
	struct key_job *key_job = mem_zalloc(sizeof(*key_job));
	key_job->job.run = key_run;
	key_job->job.done = key_done;
	key_job->request = identity;
	key_job->name = name;
	identity->key_job = key_job;
	identity->answered = true;
	if (!worker_try_submit(identity->worker, LANE_DISK, &key_job->job)) {
		err_set(&key_job->err, "this machine is too busy to read the Arc agent's file");
		key_job->err.code = EAGAIN;
		worker_skip(identity->worker, LANE_DISK, &key_job->job);
	}
}

static void on_reply(void *arg, const struct http_reply *reply)
{
	struct managed_identity *identity = arg;
	identity->request = NULL;
	bool challenged = identity->is_arc && !identity->answered && reply->failure == HTTP_OK &&
			  reply->status == 401;
	if (challenged)
		answer_challenge(identity, reply->authenticate);
	else
		finish(identity, reply);
}

/* ---- the interface ---- */

static void append_encoded(struct strbuf *out, struct str value)
{
	struct secret encoded = { 0 };
	token_request_encode(value, &encoded);
	strbuf_addstr(out, secret_reveal(&encoded));
	secret_done(&encoded);
}

/* These endpoints are older than scopes: they want the resource a scope is of. */
static struct str resource_of(const char *scope)
{
	static const struct str all = { "/.default", 9 };
	struct str text = str_of(scope);
	return str_iends(text, all) ? str_head(text, text.n - all.n) : text;
}

static char *make_url(const struct account_config *account)
{
	const struct host_kind *kind = &host_kinds[account->identity_host];
	const char *endpoint = account->identity_endpoint;
	struct strbuf url;
	strbuf_init(&url, URL_MAX);
	strbuf_adds(&url, endpoint[0] != '\0' ? endpoint : kind->endpoint);
	strbuf_addf(&url, "?api-version=%s&resource=", kind->api_version);
	append_encoded(&url, resource_of(account->scope));
	if (kind->takes_client_id && account->client_id[0] != '\0') {
		strbuf_adds(&url, "&client_id=");
		append_encoded(&url, str_of(account->client_id));
	}
	return strbuf_steal(&url);
}

struct managed_identity *managed_identity_start(struct http *http, struct worker *worker,
						const struct account_config *account, http_cb *cb,
						void *arg)
{
	struct managed_identity *identity = mem_zalloc(sizeof(*identity));
	identity->http = http;
	identity->worker = worker;
	identity->url = make_url(account);
	identity->ca_file = mem_strdup(account->ca_file);
	identity->is_arc = account->identity_host == IDENTITY_AZURE_ARC;
	identity->started_at = clock_mono_ms();
	identity->cb = cb;
	identity->arg = arg;
	ask(identity, NULL);
	return identity;
}

void managed_identity_cancel(struct managed_identity *identity)
{
	if (identity == NULL)
		return;
	http_cancel(identity->request);
	if (identity->key_job != NULL)
		identity->key_job->request = NULL;
	free_identity(identity);
}

/* SPDX-License-Identifier: MIT */
#include "common/http.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/curl_loop.h"
#include "common/http_reply.h"
#include "common/mem.h"
#include "common/netaddr.h"
#include "common/resolver.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "common/timer.h"
#include "common/version.h"

enum {
	HEADERS_MAX = 64 * 1024,
	/* Name apart; TCP and TLS. With several addresses curl gives each but the last half of what
	 * is left, so the first dead one costs five seconds. */
	CONNECT_MS = 10 * 1000,
};

struct http {
	struct event_base *base;
	struct resolver *resolver;
	struct curl_loop *loop;
	const char *ca_path; /* NULL: curl's own default */
};

struct http_request {
	struct http *http;
	char *url;
	char *host;
	long port;
	char *ca_file;
	char *content_type;
	struct secret body;
	bool is_post;
	int64_t timeout_ms;
	size_t reply_max;
	http_cb *cb; /* NULL while it is being called */
	void *arg;

	int64_t started_at;
	struct event *timer; /* the whole request's, and the way to report an early failure */
	bool refused;	     /* failed before it began; refusal says why */
	struct err refusal;
	struct resolver_query *query; /* while the name is looked up */
	CURL *easy;		      /* after that */
	struct curl_slist *addresses;
	struct curl_slist *headers;
	char error_text[CURL_ERROR_SIZE];
	size_t header_n;
	char *reply; /* reply_max bytes, from the first on; never moved, so that it can be wiped */
	size_t reply_n;
	bool too_big;
};

/* ---- the end ---- */

/* Stops everything that could still happen to the request. */
static void stop(struct http_request *request)
{
	resolver_cancel(request->query);
	request->query = NULL;
	if (request->easy != NULL)
		curl_loop_stop(request->http->loop, request->easy);
	request->easy = NULL;
	timer_stop(request->timer);
}

static void request_free(struct http_request *request)
{
	event_free(request->timer);
	curl_slist_free_all(request->addresses);
	curl_slist_free_all(request->headers);
	if (request->reply != NULL)
		secret_wipe(request->reply, request->reply_n);
	free(request->reply);
	secret_done(&request->body);
	free(request->url);
	free(request->host);
	free(request->ca_file);
	free(request->content_type);
	free(request);
}

/* The callback may do what it likes: nothing of us is touched afterwards but the request. */
static void finish(struct http_request *request, struct http_reply *reply)
{
	http_cb *cb = request->cb;
	reply->took_ms = clock_mono_ms() - request->started_at;
	stop(request);
	request->cb = NULL;
	cb(request->arg, reply);
	request_free(request);
}

static void fail(struct http_request *request, enum http_failure failure, const struct err *err)
{
	struct http_reply reply = {
		.failure = failure,
		.err = *err,
		.retry_after_ms = -1,
		.date_ms = -1,
	};
	finish(request, &reply);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_request *request = arg;
	struct err err;
	(void)fd;
	(void)what;
	if (request->refused) {
		err = request->refusal;
		fail(request, HTTP_FAIL_OTHER, &err);
		return;
	}
	long long seconds = (long long)(request->timeout_ms / 1000);
	if (request->query != NULL) {
		err_set(&err, "%s: the name servers have not answered within %lld s", request->host,
			seconds);
		fail(request, HTTP_FAIL_DNS, &err);
		return;
	}
	err_set(&err, "%s: no complete reply within %lld s", request->host, seconds);
	fail(request, HTTP_FAIL_TIMEOUT, &err);
}

static void succeed(struct http_request *request)
{
	struct http_reply reply = { .failure = HTTP_OK };
	struct str type = http_header(request->easy, "Content-Type");
	struct str date = http_header(request->easy, "Date");
	struct str retry = http_header(request->easy, "Retry-After");
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	reply.date_ms = date.n != 0 ? http_date_ms(date) : -1;
	/* By the server's own clock where it tells it: this machine's may be wrong. */
	int64_t now_ms = reply.date_ms >= 0 ? reply.date_ms : clock_wall_ms();
	reply.retry_after_ms = retry.n != 0 ? http_retry_after_ms(retry, now_ms) : -1;
	reply.body = (struct str){ request->reply != NULL ? request->reply : "", request->reply_n };
	/* The header goes away with the handle, before the callback. */
	char *copy = str_dup(type);
	reply.content_type = (struct str){ copy, type.n };
	finish(request, &reply);
	free(copy);
}

static void on_transfer_end(void *arg, CURLcode result)
{
	struct http_request *request = arg;
	struct err err;
	if (result == CURLE_OK) {
		succeed(request);
		return;
	}
	if (request->too_big) {
		err_set(&err, "%s: the reply is larger than %zu bytes", request->host,
			request->reply_max);
		fail(request, HTTP_FAIL_TOO_BIG, &err);
		return;
	}
	http_explain(request->easy, result, request->host, request->error_text, &err);
	fail(request, http_failure_of(result), &err);
}

/* ---- the transfer ---- */

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
	struct http_request *request = arg;
	size_t n = size * count;
	/* Here and not by CURLOPT_MAXFILESIZE, which a chunked reply passes by. */
	if (n > request->reply_max - request->reply_n) {
		request->too_big = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (request->reply == NULL)
		request->reply = mem_alloc(request->reply_max);
	memcpy(request->reply + request->reply_n, p, n);
	request->reply_n += n;
	return n;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): curl's type */
static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
	struct http_request *request = arg;
	size_t n = size * count;
	(void)p;
	request->header_n += n;
	if (request->header_n > HEADERS_MAX) {
		request->too_big = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return n;
}

/* "host:port:192.0.2.1,[2001:db8::1]" */
static struct curl_slist *address_list(const struct http_request *request,
				       const struct resolved *result)
{
	struct strbuf text;
	strbuf_init(&text, 2048);
	strbuf_addf(&text, "%s:%ld:", request->host, request->port);
	for (size_t i = 0; i < result->count; i++) {
		bool v4 = netaddr_is_v4(&result->addr[i]);
		strbuf_adds(&text, i != 0 ? "," : "");
		strbuf_adds(&text, v4 ? "" : "[");
		netaddr_append(&text, &result->addr[i]);
		strbuf_adds(&text, v4 ? "" : "]");
	}
	struct curl_slist *list = curl_slist_append(NULL, strbuf_cstr(&text));
	strbuf_done(&text);
	return list;
}

static struct curl_slist *header_list(const struct http_request *request)
{
	struct strbuf text;
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	strbuf_init(&text, 512);
	strbuf_addf(&text, "User-Agent: oauthrelay/%s", version_string());
	list = curl_slist_append(list, strbuf_cstr(&text));
	if (request->is_post) {
		strbuf_reset(&text);
		strbuf_addf(&text, "Content-Type: %s", request->content_type);
		list = curl_slist_append(list, strbuf_cstr(&text));
		/* No waiting for "100 Continue". */
		list = curl_slist_append(list, "Expect:");
	}
	strbuf_done(&text);
	return list;
}

static void set_trust(struct http_request *request)
{
	curl_easy_setopt(request->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(request->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(request->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (request->ca_file[0] != '\0') {
		curl_easy_setopt(request->easy, CURLOPT_CAINFO, request->ca_file);
		curl_easy_setopt(request->easy, CURLOPT_CAPATH, NULL);
	} else if (request->http->ca_path != NULL) {
		/* The folder alone: reading the system's whole bundle for each connection would
		 * hold the loop for 20 ms; from the folder it reads the one file it needs. */
		curl_easy_setopt(request->easy, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(request->easy, CURLOPT_CAPATH, request->http->ca_path);
	}
}

/* The whole request's time is our own timer's business. */
static long connect_time_ms(const struct http_request *request)
{
	int64_t left = request->timeout_ms - (clock_mono_ms() - request->started_at);
	if (left < 1) /* 0 would mean curl's default */
		left = 1;
	return left < CONNECT_MS ? (long)left : CONNECT_MS;
}

static void set_options(struct http_request *request, const struct resolved *result)
{
	CURL *easy = request->easy;
	struct str body = secret_reveal(&request->body);
	struct netaddr literal;
	if (!netaddr_parse(str_of(request->host), &literal)) {
		request->addresses = address_list(request, result);
		curl_easy_setopt(easy, CURLOPT_RESOLVE, request->addresses);
	}
	request->headers = header_list(request);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	if (request->is_post) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.p); /* not copied */
	}
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_time_ms(request));
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error_text);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
	set_trust(request);
}

static void on_resolved(void *arg, const struct resolved *result, const struct err *err)
{
	struct http_request *request = arg;
	request->query = NULL;
	if (result == NULL) {
		struct err copy = *err;
		fail(request, HTTP_FAIL_DNS, &copy);
		return;
	}
	request->easy = curl_loop_handle();
	set_options(request, result);
	curl_loop_start(request->http->loop, request->easy, on_transfer_end, request);
}

/* ---- the interface ---- */

struct http *http_new(struct event_base *base, struct resolver *resolver)
{
	struct http *http = mem_zalloc(sizeof(*http));
	http->base = base;
	http->resolver = resolver;
	http->loop = curl_loop_new(base);
	http->ca_path = curl_version_info(CURLVERSION_NOW)->capath;
	return http;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	curl_loop_free(http->loop);
	free(http);
}

/* Takes host and port out of the URL, as curl itself will; false when it is not for us. */
static bool take_url(struct http_request *request, struct err *err)
{
	char *scheme = NULL, *host = NULL, *port = NULL;
	uint64_t number = 0;
	CURLU *url = curl_url();
	bool ok = curl_url_set(url, CURLUPART_URL, request->url, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  strcmp(scheme, "https") == 0 &&
		  curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		  str_to_u64(str_of(port), 65535, &number);
	if (ok) {
		struct str name = str_of(host);
		if (name.n > 2 && name.p[0] == '[')
			name = (struct str){ name.p + 1, name.n - 2 };
		request->host = str_dup(name);
		request->port = (long)number;
	} else {
		err_set(err, "not an https:// URL");
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return ok;
}

struct http_request *http_start(struct http *http, const struct http_params *params, http_cb *cb,
				void *arg)
{
	struct http_request *request = mem_zalloc(sizeof(*request));
	request->http = http;
	request->url = mem_strdup(params->url);
	request->ca_file = mem_strdup(params->ca_file != NULL ? params->ca_file : "");
	request->content_type =
		mem_strdup(params->content_type != NULL ? params->content_type : "");
	request->is_post = params->body.p != NULL;
	secret_set(&request->body, params->body);
	request->timeout_ms = params->timeout_ms;
	request->reply_max = params->reply_max;
	request->cb = cb;
	request->arg = arg;
	request->started_at = clock_mono_ms();
	request->timer = event_new(http->base, -1, 0, on_timer, request);
	if (!take_url(request, &request->refusal)) {
		request->refused = true;
		event_active(request->timer, EV_TIMEOUT, 0);
		return request;
	}
	timer_start(request->timer, params->timeout_ms);
	request->query = resolver_lookup(http->resolver, request->host, 0, on_resolved, request);
	return request;
}

void http_cancel(struct http_request *request)
{
	/* From inside its own callback there is nothing to cancel any more. */
	if (request == NULL || request->cb == NULL)
		return;
	stop(request);
	request_free(request);
}

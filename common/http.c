/* SPDX-License-Identifier: MIT */
#include "common/http.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/curl_loop.h"
#include "common/http_proxy.h"
#include "common/http_reply.h"
#include "common/http_target.h"
#include "common/http_trust.h"
#include "common/mem.h"
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
	struct http_target target;
	struct http_proxy proxy;
	char *ca_file;
	struct secret body;
	bool is_post;
	int64_t timeout_ms;
	size_t reply_max;
	http_cb *cb; /* NULL while it is being called */
	void *arg;

	int64_t started_at;
	struct event *timer;	   /* the whole request's, and the way to report an early failure */
	enum http_failure refused; /* HTTP_OK, or it failed before it began: refusal says why */
	struct err refusal;
	struct resolver_query *query; /* while the name is looked up */
	CURL *easy;		      /* after that */
	struct http_trust trust;
	struct curl_slist *addresses;
	struct curl_slist *headers; /* secrets in it are wiped by common/wiped_memory.h */
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
	http_target_done(&request->target);
	http_proxy_done(&request->proxy);
	free(request->ca_file);
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

/* "proxy 192.0.2.1:3128: login.test", or the host alone. */
static void append_way(struct strbuf *out, const struct http_request *request)
{
	if (request->proxy.kind != HTTP_PROXY_NONE) {
		http_proxy_append(out, &request->proxy);
		strbuf_adds(out, ": ");
	}
	strbuf_adds(out, request->target.host);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_request *request = arg;
	struct strbuf way;
	struct err err;
	(void)fd;
	(void)what;
	if (request->refused != HTTP_OK) {
		err = request->refusal;
		fail(request, request->refused, &err);
		return;
	}
	long long seconds = (long long)(request->timeout_ms / 1000);
	bool resolving = request->query != NULL, by_proxy = request->proxy.kind != HTTP_PROXY_NONE;
	if (resolving) {
		err_set(&err, "%s: the name servers have not answered within %lld s",
			by_proxy ? request->proxy.host : request->target.host, seconds);
		fail(request, by_proxy ? HTTP_FAIL_PROXY : HTTP_FAIL_DNS, &err);
		return;
	}
	if (by_proxy && !request->trust.begun) {
		http_proxy_explain(&request->proxy, request->easy, CURLE_OPERATION_TIMEDOUT,
				   request->target.host, "", &err);
		fail(request, HTTP_FAIL_PROXY, &err);
		return;
	}
	strbuf_init(&way, sizeof(err.text) - 1);
	append_way(&way, request);
	err_set(&err, "%s: no complete reply within %lld s", strbuf_cstr(&way), seconds);
	strbuf_done(&way);
	fail(request, HTTP_FAIL_TIMEOUT, &err);
}

static void succeed(struct http_request *request)
{
	struct http_reply reply = { .failure = HTTP_OK };
	struct str date = http_reply_header(request->easy, "Date");
	struct str retry = http_reply_header(request->easy, "Retry-After");
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	reply.date_ms = date.n != 0 ? http_date_ms(date) : -1;
	/* By the server's own clock where it tells it: this machine's may be wrong. */
	int64_t now_ms = reply.date_ms >= 0 ? reply.date_ms : clock_wall_ms();
	reply.retry_after_ms = retry.n != 0 ? http_retry_after_ms(retry, now_ms) : -1;
	reply.body = (struct str){ request->reply != NULL ? request->reply : "", request->reply_n };
	/* The headers go away with the handle, before the callback. */
	char *type = str_dup(http_reply_header(request->easy, "Content-Type"));
	char *authenticate = str_dup(http_reply_header(request->easy, "WWW-Authenticate"));
	reply.content_type = str_of(type);
	reply.authenticate = str_of(authenticate);
	finish(request, &reply);
	free(type);
	free(authenticate);
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
		err_set(&err, "%s: the reply is larger than %zu bytes", request->target.host,
			request->reply_max);
		fail(request, HTTP_FAIL_TOO_BIG, &err);
		return;
	}
	/* All that comes before the handshake is the proxy's. */
	if (request->proxy.kind != HTTP_PROXY_NONE && !request->trust.begun) {
		http_proxy_explain(&request->proxy, request->easy, result, request->target.host,
				   request->error_text, &err);
		fail(request, HTTP_FAIL_PROXY, &err);
		return;
	}
	http_explain(request->easy, result, request->target.host, request->error_text,
		     request->trust.issuer, &err);
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

/* "name: value"; the line is wiped where libcurl's own copy of it will be, on its release. */
static struct curl_slist *add_header(struct curl_slist *list, const char *name, struct str value)
{
	struct secret line = { 0 };
	size_t n = strlen(name);
	line.n = n + 2 + value.n;
	line.p = mem_alloc(line.n + 1);
	memcpy(line.p, name, n);
	memcpy(line.p + n, ": ", 2);
	if (value.n != 0)
		memcpy(line.p + n + 2, value.p, value.n);
	line.p[line.n] = '\0';
	list = curl_slist_append(list, line.p);
	secret_done(&line);
	return list;
}

static struct curl_slist *header_list(const struct http_params *params)
{
	struct curl_slist *list = add_header(NULL, "Accept", STR("application/json"));
	if (params->body.p != NULL) {
		list = add_header(list, "Content-Type", str_of(params->content_type));
		/* No waiting for "100 Continue". */
		list = curl_slist_append(list, "Expect:");
	}
	for (size_t i = 0; i < params->header_count; i++)
		list = add_header(list, params->headers[i].name, params->headers[i].value);
	return list;
}

/* The whole request's time is our own timer's business. */
static long connect_time_ms(const struct http_request *request)
{
	int64_t left = request->timeout_ms - (clock_mono_ms() - request->started_at);
	if (left < 1) /* 0 would mean curl's default */
		left = 1;
	return left < CONNECT_MS ? (long)left : CONNECT_MS;
}

static void set_options(struct http_request *request)
{
	CURL *easy = request->easy;
	struct str body = secret_reveal(&request->body);
	struct strbuf agent;
	strbuf_init(&agent, 128);
	strbuf_addf(&agent, "oauthrelay/%s", version_string());
	curl_easy_setopt(easy, CURLOPT_RESOLVE, request->addresses);
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, request->target.tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	/* What is meant for the endpoint is not shown to the proxy; but for who is asking. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, strbuf_cstr(&agent));
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
	http_trust_apply(&request->trust, easy, request->ca_file, request->http->ca_path);
	http_proxy_apply(&request->proxy, easy);
	strbuf_done(&agent);
}

/* Nobody has answered for the name. */
static void fail_name(struct http_request *request, const struct err *err)
{
	struct err copy = *err;
	if (request->proxy.kind == HTTP_PROXY_NONE) {
		fail(request, HTTP_FAIL_DNS, &copy);
		return;
	}
	err_set(&copy, "proxy %s: check proxy.tokens and this machine's name servers", err->text);
	fail(request, HTTP_FAIL_PROXY, &copy);
}

static void on_resolved(void *arg, const struct resolved *result, const struct err *err)
{
	struct http_request *request = arg;
	const struct http_proxy *proxy = &request->proxy;
	struct err refusal;
	request->query = NULL;
	if (result == NULL) {
		fail_name(request, err);
		return;
	}
	if (!http_target_admits(&request->target, result, &refusal)) {
		fail(request, HTTP_FAIL_OTHER, &refusal);
		return;
	}
	if (proxy->kind != HTTP_PROXY_NONE)
		request->addresses = http_target_addresses(proxy->host, proxy->port, result);
	else
		request->addresses =
			http_target_addresses(request->target.host, request->target.port, result);
	request->easy = curl_loop_handle();
	set_options(request);
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

/* A line end in a header's value would begin another one. */
static bool headers_are_sound(const struct http_params *params, struct err *err)
{
	for (size_t i = 0; i < params->header_count; i++) {
		struct str value = params->headers[i].value;
		for (size_t j = 0; j < value.n; j++)
			if ((unsigned char)value.p[j] < ' ' || value.p[j] == 0x7f)
				return err_set(err, "the value of %s has a control character",
					       params->headers[i].name);
	}
	return true;
}

/* What the request is to do; HTTP_OK, or what kind of nonsense it is. */
static enum http_failure take(struct http_request *request, const struct http_params *params,
			      struct err *err)
{
	if (!http_target_parse(params->url, params->local_http, &request->target, err) ||
	    !headers_are_sound(params, err))
		return HTTP_FAIL_OTHER;
	if (!http_proxy_parse(str_of(params->proxy), &request->proxy, err))
		return HTTP_FAIL_PROXY;
	if (!request->target.tls && request->proxy.kind != HTTP_PROXY_NONE) {
		err_set(err, "%s: http:// does not go through a proxy", request->target.host);
		return HTTP_FAIL_OTHER;
	}
	secret_set(&request->proxy.password, params->proxy_password);
	request->headers = header_list(params);
	return HTTP_OK;
}

struct http_request *http_start(struct http *http, const struct http_params *params, http_cb *cb,
				void *arg)
{
	struct http_request *request = mem_zalloc(sizeof(*request));
	request->http = http;
	request->url = mem_strdup(params->url);
	request->ca_file = mem_strdup(params->ca_file != NULL ? params->ca_file : "");
	request->is_post = params->body.p != NULL;
	secret_set(&request->body, params->body);
	request->timeout_ms = params->timeout_ms;
	request->reply_max = params->reply_max;
	request->cb = cb;
	request->arg = arg;
	request->started_at = clock_mono_ms();
	request->timer = event_new(http->base, -1, 0, on_timer, request);
	request->refused = take(request, params, &request->refusal);
	if (request->refused != HTTP_OK) {
		event_active(request->timer, EV_TIMEOUT, 0);
		return request;
	}
	timer_start(request->timer, params->timeout_ms);
	const char *host =
		request->proxy.kind != HTTP_PROXY_NONE ? request->proxy.host : request->target.host;
	request->query = resolver_lookup(http->resolver, host, 0, on_resolved, request);
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

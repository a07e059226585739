/* SPDX-License-Identifier: MIT */
#include "common/http_target.h"

#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "common/strbuf.h"

/* ---- the URL ---- */

struct parts {
	char *scheme, *host, *port, *user, *password;
};

static void parts_free(struct parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->host);
	curl_free(parts->port);
	curl_free(parts->user);
	curl_free(parts->password);
}

static bool take_apart(const char *text, struct parts *parts)
{
	CURLU *url = curl_url();
	bool ok = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
	if (ok) { /* they may be missing */
		curl_url_get(url, CURLUPART_USER, &parts->user, 0);
		curl_url_get(url, CURLUPART_PASSWORD, &parts->password, 0);
	}
	curl_url_cleanup(url);
	return ok;
}

static bool take(const struct parts *parts, bool local_http, struct http_target *out,
		 struct err *err)
{
	uint64_t port = 0;
	bool tls = strcmp(parts->scheme, "https") == 0;
	if (!tls && !(local_http && strcmp(parts->scheme, "http") == 0))
		return err_set(err, local_http ? "neither an https:// nor an http:// URL"
					       : "not an https:// URL");
	if (parts->user != NULL || parts->password != NULL)
		return err_set(err, "a URL with user or password in it: take them out");
	if (!str_to_u64(str_of(parts->port), 65535, &port))
		return err_set(err, "a URL without a usable port");
	struct str host = str_of(parts->host);
	if (host.n > 2 && host.p[0] == '[')
		host = (struct str){ host.p + 1, host.n - 2 };
	*out = (struct http_target){ tls, str_dup(host), (unsigned)port };
	return true;
}

bool http_target_parse(const char *url, bool local_http, struct http_target *out, struct err *err)
{
	struct parts parts = { 0 };
	bool ok = take_apart(url, &parts) ? take(&parts, local_http, out, err)
					  : err_set(err, "not an https:// URL");
	parts_free(&parts);
	return ok;
}

void http_target_done(struct http_target *target)
{
	free(target->host);
	target->host = NULL;
}

/* ---- addresses ---- */

static const char *const local_networks[] = {
	"127.0.0.0/8",
	"::1/128",
	"169.254.0.0/16",
	"fe80::/10",
};

static bool is_local(const struct netaddr *address)
{
	struct network network;
	struct err err;
	for (size_t i = 0; i < ARRAY_LEN(local_networks); i++)
		if (network_parse(str_of(local_networks[i]), &network, &err) &&
		    network_contains(&network, address))
			return true;
	return false;
}

bool http_target_admits(const struct http_target *target, const struct resolved *addresses,
			struct err *err)
{
	for (size_t i = 0; !target->tls && i < addresses->count; i++) {
		if (is_local(&addresses->addr[i]))
			continue;
		struct strbuf text;
		strbuf_init(&text, 64);
		netaddr_append(&text, &addresses->addr[i]);
		err_set(err,
			"%s: http:// is for this machine only, and %s is another: use https://",
			target->host, strbuf_cstr(&text));
		strbuf_done(&text);
		return false;
	}
	return true;
}

struct curl_slist *http_target_addresses(const char *host, unsigned port,
					 const struct resolved *addresses)
{
	struct netaddr literal;
	struct strbuf text;
	if (netaddr_parse(str_of(host), &literal))
		return NULL;
	strbuf_init(&text, 2048);
	strbuf_addf(&text, "%s:%u:", host, port);
	for (size_t i = 0; i < addresses->count; i++) {
		bool v4 = netaddr_is_v4(&addresses->addr[i]);
		strbuf_adds(&text, i != 0 ? "," : "");
		strbuf_adds(&text, v4 ? "" : "[");
		netaddr_append(&text, &addresses->addr[i]);
		strbuf_adds(&text, v4 ? "" : "]");
	}
	struct curl_slist *list = curl_slist_append(NULL, strbuf_cstr(&text));
	strbuf_done(&text);
	return list;
}

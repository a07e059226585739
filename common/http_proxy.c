/* SPDX-License-Identifier: MIT */
#include "common/http_proxy.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/quote.h"
#include "common/strbuf.h"

/* ---- what the configuration writes ---- */

struct scheme_kind {
	const char *scheme;
	enum http_proxy_kind kind;
	curl_proxytype type;
};

static const struct scheme_kind scheme_kinds[] = {
	{ "http", HTTP_PROXY_CONNECT, CURLPROXY_HTTP },
	{ "socks5h", HTTP_PROXY_SOCKS5, CURLPROXY_SOCKS5_HOSTNAME },
};

static const struct scheme_kind *kind_of(const char *scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(scheme_kinds); i++)
		if (strcmp(scheme_kinds[i].scheme, scheme) == 0)
			return &scheme_kinds[i];
	return NULL;
}

/* NULL when the URL has no such part. Freed with curl_free(). */
static char *part(CURLU *url, CURLUPart what, unsigned flags)
{
	char *text = NULL;
	return curl_url_get(url, what, &text, flags) == CURLUE_OK ? text : NULL;
}

/* NULL: it could not be decoded. */
static bool is_user(const char *user)
{
	for (const char *c = user; c != NULL && *c != '\0'; c++)
		if (*c == ':' || (unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return user != NULL;
}

static bool take(CURLU *url, struct http_proxy *out, struct err *err)
{
	char *scheme = part(url, CURLUPART_SCHEME, 0), *host = part(url, CURLUPART_HOST, 0);
	char *port = part(url, CURLUPART_PORT, 0), *path = part(url, CURLUPART_PATH, 0);
	char *written = part(url, CURLUPART_USER, 0);
	char *user = part(url, CURLUPART_USER, CURLU_URLDECODE);
	char *password = part(url, CURLUPART_PASSWORD, 0), *query = part(url, CURLUPART_QUERY, 0);
	const struct scheme_kind *kind = scheme != NULL ? kind_of(scheme) : NULL;
	uint64_t number = 0;
	bool ok = false;
	if (password != NULL)
		err_set(err, "the proxy's password does not belong here but into proxy.password");
	else if (kind == NULL)
		err_set(err, "a proxy begins with http:// or socks5h://");
	else if (host == NULL || port == NULL || !str_to_u64(str_of(port), 65535, &number) ||
		 number == 0)
		err_set(err, "a proxy needs host and port, as http://proxy.example.com:3128");
	else if (query != NULL || (path != NULL && strcmp(path, "/") != 0))
		err_set(err, "a proxy has host and port, and nothing behind them");
	else if (written != NULL && !is_user(user))
		err_set(err, "the proxy's user has a colon or a control character in it");
	else
		ok = true;
	if (ok) {
		struct str name = str_of(host);
		if (name.n > 2 && name.p[0] == '[')
			name = (struct str){ name.p + 1, name.n - 2 };
		*out = (struct http_proxy){ .kind = kind->kind,
					    .host = str_dup(name),
					    .port = (unsigned)number,
					    .user = mem_strdup(user != NULL ? user : "") };
	}
	char *const parts[] = { scheme, host, port, path, written, user, password, query };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		curl_free(parts[i]);
	return ok;
}

bool http_proxy_parse(struct str text, struct http_proxy *out, struct err *err)
{
	if (text.n == 0 || str_eq(text, STR("none"))) {
		*out = (struct http_proxy){ .host = mem_strdup(""), .user = mem_strdup("") };
		return true;
	}
	char *copy = str_dup(text); /* may hold a password, against the rule */
	CURLU *url = curl_url();
	bool ok = false;
	if (strlen(copy) == text.n && strstr(copy, "://") != NULL &&
	    curl_url_set(url, CURLUPART_URL, copy, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		ok = take(url, out, err);
	else
		err_set(err, "not a proxy as http://proxy.example.com:3128");
	curl_url_cleanup(url);
	secret_wipe(copy, strlen(copy));
	free(copy);
	return ok;
}

void http_proxy_done(struct http_proxy *proxy)
{
	free(proxy->host);
	free(proxy->user);
	secret_done(&proxy->password);
	*proxy = (struct http_proxy){ 0 };
}

/* ---- what libcurl is told ---- */

static void append_place(struct strbuf *out, const struct http_proxy *proxy)
{
	bool v6 = strchr(proxy->host, ':') != NULL;
	strbuf_addf(out, v6 ? "[%s]:%u" : "%s:%u", proxy->host, proxy->port);
}

void http_proxy_append(struct strbuf *out, const struct http_proxy *proxy)
{
	strbuf_adds(out, "proxy ");
	append_place(out, proxy);
}

void http_proxy_apply(const struct http_proxy *proxy, CURL *easy)
{
	struct strbuf place;
	if (proxy->kind == HTTP_PROXY_NONE)
		return; /* as curl_loop_handle() left it: none, whatever the environment says */
	strbuf_init(&place, 512);
	append_place(&place, proxy);
	for (size_t i = 0; i < ARRAY_LEN(scheme_kinds); i++)
		if (scheme_kinds[i].kind == proxy->kind)
			curl_easy_setopt(easy, CURLOPT_PROXYTYPE, (long)scheme_kinds[i].type);
	curl_easy_setopt(easy, CURLOPT_PROXY, strbuf_cstr(&place));
	/* Not NULL: that would mean no_proxy in the environment. */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	/* Sent at once, so that one CONNECT is enough; no GSS-API, which would block. */
	curl_easy_setopt(easy, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
	if (proxy->user[0] != '\0') {
		curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, proxy->user);
		curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD,
				 proxy->password.p != NULL ? proxy->password.p : "");
	}
	strbuf_done(&place);
}

/* ---- why it did not work ---- */

struct refusal {
	long code; /* CONNECT's status, or a CURLPX_* */
	const char *words;
	/* {place}: host:port of the proxy; {host}: where to; {user}: by what name */
	const char *remedy;
};

static const char let_through[] = "have it let this machine through to {host}, port 443";
static const char beyond[] = "the fault lies between the proxy and {host}: ask whoever looks after "
			     "the proxy";
static const char other_kind[] = "check proxy.tokens: is it a proxy of this kind (http:// or "
				 "socks5h://), on this port?";
static const char give_login[] = "give it one: proxy.tokens = \"http://USER@{place}\" and "
				 "proxy.password";
static const char give_socks_login[] = "give it one: proxy.tokens = \"socks5h://USER@{place}\" and "
				       "proxy.password";
static const char mend_login[] = "check user {user} in proxy.tokens, and proxy.password";

static const struct refusal connect_refusals[] = {
	{ 400, "it does not understand CONNECT", other_kind },
	{ 403, "it does not allow connections to {host}", let_through },
	{ 404, "it does not know CONNECT", other_kind },
	{ 405, "it does not allow CONNECT", let_through },
	{ 429, "it has too much to do", "" },
	{ 500, "it has failed", beyond },
	{ 501, "it does not know CONNECT", other_kind },
	{ 502, "it does not reach {host}", beyond },
	{ 503, "it does not reach {host}, or does not know that name", beyond },
	{ 504, "it gets no answer from {host}", beyond },
};

static const struct refusal socks_refusals[] = {
	{ CURLPX_BAD_VERSION, "it does not speak SOCKS5", other_kind },
	{ CURLPX_CLOSED, "it closed the connection", other_kind },
	{ CURLPX_RECV_CONNECT, "it closed the connection", other_kind },
	{ CURLPX_NO_AUTH, "it wants a login", give_socks_login },
	{ CURLPX_UNKNOWN_MODE, "it wants a kind of login that oauthrelay does not have",
	  "have it take a user and password (RFC 1929), or none" },
	{ CURLPX_USER_REJECTED, "it refuses the login", mend_login },
	{ CURLPX_LONG_USER, "its user is longer than SOCKS5 allows", mend_login },
	{ CURLPX_LONG_PASSWD, "its password is longer than SOCKS5 allows", mend_login },
	{ CURLPX_REPLY_NOT_ALLOWED, "it does not allow connections to {host}", let_through },
	{ CURLPX_REPLY_GENERAL_SERVER_FAILURE, "it has failed", beyond },
	{ CURLPX_REPLY_NETWORK_UNREACHABLE, "it does not reach {host}", beyond },
	{ CURLPX_REPLY_HOST_UNREACHABLE, "it does not reach {host}, or does not know that name",
	  beyond },
	{ CURLPX_REPLY_CONNECTION_REFUSED, "{host} refuses its connection", beyond },
	{ CURLPX_REPLY_TTL_EXPIRED, "it gets no answer from {host}", beyond },
	{ CURLPX_REPLY_COMMAND_NOT_SUPPORTED, "it does not know CONNECT", other_kind },
	{ CURLPX_REPLY_ADDRESS_TYPE_NOT_SUPPORTED, "it does not look names up",
	  "have it do so: oauthrelay leaves that to the proxy" },
};

struct sentence {
	struct strbuf text;
	const struct http_proxy *proxy;
	const char *host;
};

/* With the names in braces filled in. */
static void add(struct sentence *out, const char *words)
{
	while (*words != '\0') {
		if (str_starts(str_of(words), STR("{host}"))) {
			strbuf_adds(&out->text, out->host);
		} else if (str_starts(str_of(words), STR("{place}"))) {
			append_place(&out->text, out->proxy);
		} else if (str_starts(str_of(words), STR("{user}"))) {
			quote_append(&out->text, str_of(out->proxy->user), 64);
		} else {
			strbuf_addc(&out->text, *words++);
			continue;
		}
		words = strchr(words, '}') + 1;
	}
}

static bool add_refusal(struct sentence *out, const struct refusal *rows, size_t count, long code)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].code != code)
			continue;
		add(out, rows[i].words);
		if (rows == connect_refusals)
			strbuf_addf(&out->text, " (status %ld)", code);
		if (rows[i].remedy[0] != '\0') {
			strbuf_adds(&out->text, ": ");
			add(out, rows[i].remedy);
		}
		return true;
	}
	return false;
}

/* Only those that there are: what else a proxy says may repeat what it was sent (RFC 7235, RFC
 * 7616, RFC 4559, MS-NTHT, RFC 6750). */
static const char *known_scheme(struct str name)
{
	static const char *const names[] = { "Basic",	  "Digest",   "NTLM",
					     "Negotiate", "Kerberos", "Bearer" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return names[i];
	return "another kind";
}

/* "Basic, NTLM"; true when Basic is among them, or none is named. */
static bool append_offers(struct strbuf *out, CURL *easy)
{
	struct curl_header *header = NULL;
	bool basic = false;
	size_t count = 0;
	while (curl_easy_header(easy, "Proxy-Authenticate", count, CURLH_CONNECT, -1, &header) ==
	       CURLHE_OK) {
		struct str rest = str_of(header->value), name = str_word(&rest);
		strbuf_adds(out, count != 0 ? ", " : "");
		strbuf_adds(out, known_scheme(name));
		basic = basic || str_ieq(name, STR("Basic"));
		if (++count == header->amount || count == 8)
			break;
	}
	return basic || count == 0;
}

/* 407 (RFC 9110 15.5.8) */
static void add_login(struct sentence *out, CURL *easy)
{
	struct strbuf offers;
	strbuf_init(&offers, 512);
	bool basic = append_offers(&offers, easy);
	bool tried = out->proxy->user[0] != '\0';
	add(out, tried && basic ? "it refuses the login" : "it wants a login");
	strbuf_addf(&out->text, " (status 407%s%s): ", offers.n != 0 ? "; it takes " : "",
		    strbuf_cstr(&offers));
	if (!basic)
		add(out, "oauthrelay can do Basic only: have it take that, or let this machine "
			 "through to {host} without a login");
	else
		add(out, tried ? mend_login : give_login);
	strbuf_done(&offers);
}

static bool add_reason(struct sentence *out, CURL *easy, CURLcode result)
{
	long status = 0, socks = CURLPX_OK;
	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &socks);
	if (status == 407) {
		add_login(out, easy);
		return true;
	}
	if (status >= 300) {
		if (!add_refusal(out, connect_refusals, ARRAY_LEN(connect_refusals), status)) {
			strbuf_addf(&out->text, "it answers CONNECT with status %ld: ", status);
			add(out, other_kind);
		}
		return true;
	}
	if (result == CURLE_PROXY)
		return add_refusal(out, socks_refusals, ARRAY_LEN(socks_refusals), socks);
	if (result == CURLE_OPERATION_TIMEDOUT) {
		add(out, "it does not answer in time: check proxy.tokens, and that it runs");
		return true;
	}
	return false;
}

void http_proxy_explain(const struct http_proxy *proxy, CURL *easy, CURLcode result,
			const char *host, const char *reason, struct err *err)
{
	struct sentence out = { .proxy = proxy, .host = host };
	strbuf_init(&out.text, sizeof(err->text) - 1);
	http_proxy_append(&out.text, proxy);
	strbuf_adds(&out.text, ": ");
	if (!add_reason(&out, easy, result)) {
		quote_append_bare(&out.text,
				  str_of(reason[0] != '\0' ? reason : curl_easy_strerror(result)),
				  400);
		strbuf_adds(&out.text, ": ");
		add(&out, result == CURLE_COULDNT_CONNECT ? "check proxy.tokens, and that it runs"
							  : other_kind);
	}
	err_set(err, "%s", strbuf_cstr(&out.text));
	strbuf_done(&out.text);
}

/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/quote.h"
#include "common/secret.h"
#include "config/config.h"

enum {
	ANSWER_MAX = 64 * 1024 * 1024,
	BODY_MAX = 64 * 1024, /* the relay takes no more */
	TIMEOUT_S = 30,
	ORDER_TIMEOUT_S = 150, /* longer than any token request, with all that goes before it */
	ERROR_SHOWN = 700
};

/* *code: the errno of connecting, 0 when somebody answers. False: it cannot even be tried. */
static bool try_connect(const char *path, int *code, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	if (n >= sizeof(address.sun_path))
		return err_set(err, "the control socket's path %s is too long", path);
	memcpy(address.sun_path, path, n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, errno, "control socket");
	*code = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	close(fd);
	return true;
}

static bool nobody_answers(int code)
{
	return code == ENOENT || code == ECONNREFUSED;
}

/* curl tells only that a connection failed, not why; so a connection is tried first. */
static bool can_connect(const char *path, struct err *err)
{
	int code;
	if (!try_connect(path, &code, err))
		return false;
	switch (code) {
	case 0:
		return true;
	case ENOENT:
	case ECONNREFUSED:
		return err_set(
			err,
			"the relay is not running: nobody answers at %s. Start it with "
			"`systemctl start oauthrelay`; `journalctl -u oauthrelay` says why it "
			"has stopped",
			path);
	case EACCES:
	case EPERM:
		return err_set(err,
			       "you may not ask the relay: %s is for root and its own group. Use "
			       "sudo, or join the group: `usermod -aG oauthrelay YOU`",
			       path);
	default:
		return err_errno(err, code, "control socket %s", path);
	}
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct strbuf *body = arg;
	strbuf_add(body, p, size * n);
	return body->overflow ? 0 : size * n;
}

struct request {
	const char *path;
	const char *post; /* the body; NULL: a GET */
	long timeout_s;
	struct err *remedy; /* may be NULL */
};

static bool set_post(CURL *curl, const char *post)
{
	return post == NULL || (curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post) == CURLE_OK &&
				curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK);
}

static bool perform(CURL *curl, const char *socket_path, const struct request *request,
		    struct strbuf *body, long *status, struct err *err)
{
	struct strbuf url;
	strbuf_init(&url, 4096);
	strbuf_addf(&url, "http://relay%s", request->path);
	bool set = set_post(curl, request->post) &&
		   curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path) == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_URL, strbuf_cstr(&url)) == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_TIMEOUT, request->timeout_s) == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
		   curl_easy_setopt(curl, CURLOPT_WRITEDATA, body) == CURLE_OK;
	strbuf_done(&url);
	CURLcode code = set ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return code == CURLE_OK || err_set(err, "the relay does not answer at %s: %s", socket_path,
					   curl_easy_strerror(code));
}

static bool fetch(const char *socket_path, const struct request *request, struct strbuf *body,
		  long *status, struct err *err)
{
	if (!can_connect(socket_path, err))
		return false;
	CURL *curl = curl_easy_init();
	bool ok = curl != NULL ? perform(curl, socket_path, request, body, status, err)
			       : err_set(err, "libcurl cannot be used");
	curl_easy_cleanup(curl);
	return ok;
}

static void show_member(const cJSON *answer, const char *name, struct err *err)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	quote_append_visible(&text, str_of(client_str(answer, name)), ERROR_SHOWN);
	err_set(err, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

/* What the relay said about a request it refused. */
static bool refused(const cJSON *answer, const struct request *request, long status,
		    struct err *err)
{
	if (request->remedy != NULL)
		show_member(answer, "remedy", request->remedy);
	if (client_str(answer, "error")[0] == '\0')
		return err_set(err, "the relay answered with status %ld", status);
	show_member(answer, "error", err);
	return false;
}

/* The caller frees; NULL with err. */
static char *find_socket(const struct cli *cli, struct err *err)
{
	/* The installed one need not be readable: its socket is where the default says. */
	if (cli->socket == NULL && cli->config_given && access(cli->config_path, R_OK) != 0) {
		err_errno(err, errno,
			  "the configuration %s, which tells where the control socket is, cannot "
			  "be read (--socket would do)",
			  cli->config_path);
		return NULL;
	}
	return cli->socket != NULL ? mem_strdup(cli->socket) : config_peek_socket(cli->config_path);
}

bool client_is_running(const struct cli *cli, bool *running, struct err *err)
{
	int code = 0;
	char *socket_path = find_socket(cli, err);
	bool ok = socket_path != NULL && try_connect(socket_path, &code, err) &&
		  (nobody_answers(code) || can_connect(socket_path, err));
	if (ok)
		*running = code == 0;
	free(socket_path);
	return ok;
}

static bool ask(const struct cli *cli, const struct request *request, cJSON **out, struct err *err)
{
	struct strbuf body;
	long status = 0;
	char *socket_path = find_socket(cli, err);
	if (socket_path == NULL)
		return false;
	strbuf_init(&body, ANSWER_MAX);
	cJSON *answer = NULL;
	bool ok = fetch(socket_path, request, &body, &status, err);
	if (ok) {
		answer = json_parse(strbuf_str(&body), err);
		ok = answer != NULL || err_prefix(err, "the relay's answer cannot be read");
	}
	if (ok && status != 200)
		ok = refused(answer, request, status, err);
	free(socket_path);
	strbuf_done(&body);
	if (ok)
		*out = answer;
	else
		cJSON_Delete(answer);
	return ok;
}

bool client_get(const struct cli *cli, const char *path, cJSON **out, struct err *err)
{
	return ask(cli, &(struct request){ .path = path, .timeout_s = TIMEOUT_S }, out, err);
}

static bool post(const struct cli *cli, struct request *request, const cJSON *body, cJSON **out,
		 struct err *err)
{
	struct strbuf text;
	strbuf_init(&text, BODY_MAX);
	/* It may be a secret: in one place, to be wiped. */
	strbuf_reserve(&text, BODY_MAX);
	if (body != NULL)
		json_append(&text, body);
	request->post = strbuf_cstr(&text);
	bool ok = text.overflow ? err_set(err, "that is too much to tell the relay at once")
				: ask(cli, request, out, err);
	secret_wipe(text.p, text.room);
	strbuf_done(&text);
	return ok;
}

bool client_post(const struct cli *cli, const char *path, const cJSON *body, cJSON **out,
		 struct err *err)
{
	struct request request = { .path = path, .timeout_s = TIMEOUT_S };
	return post(cli, &request, body, out, err);
}

bool client_order(const struct cli *cli, const char *path, const cJSON *body, cJSON **out,
		  struct err *remedy, struct err *err)
{
	struct request request = { .path = path, .timeout_s = ORDER_TIMEOUT_S, .remedy = remedy };
	*remedy = (struct err){ .text = "" };
	return post(cli, &request, body, out, err);
}

const cJSON *client_get_member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const cJSON *client_first(const cJSON *object, const char *name)
{
	const cJSON *list = client_get_member(object, name);
	return cJSON_IsArray(list) ? list->child : NULL;
}

const char *client_str(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(client_get_member(object, name));
	return text != NULL ? text : "";
}

bool client_is_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(client_get_member(object, name));
}

int64_t client_int(const cJSON *object, const char *name)
{
	const cJSON *item = client_get_member(object, name);
	/* 2^53: beyond it a double is no whole number any more. */
	bool fits = cJSON_IsNumber(item) && item->valuedouble >= 0 &&
		    item->valuedouble <= 9007199254740992.0;
	return fits ? (int64_t)item->valuedouble : -1;
}

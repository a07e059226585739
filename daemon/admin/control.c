/* SPDX-License-Identifier: MIT */
#include "admin/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/routes.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	HEADERS_MAX = 16 * 1024,
	BODY_MAX = 64 * 1024,
	ANSWER_MAX = 64 * 1024 * 1024,
	TIMEOUT_S = 30,
	BACKLOG = 32,
	SOCKET_MODE = 0660,
};

struct control {
	struct evhttp *http;
	struct admin_ops ops;
	char *path;
};

/* ---- requests */

static struct str method_of(struct evhttp_request *request)
{
	switch (evhttp_request_get_command(request)) {
	case EVHTTP_REQ_GET:
		return STR("GET");
	case EVHTTP_REQ_POST:
		return STR("POST");
	case EVHTTP_REQ_PUT:
		return STR("PUT");
	case EVHTTP_REQ_DELETE:
		return STR("DELETE");
	case EVHTTP_REQ_HEAD:
	case EVHTTP_REQ_OPTIONS:
	case EVHTTP_REQ_TRACE:
	case EVHTTP_REQ_CONNECT:
	case EVHTTP_REQ_PATCH:
		break;
	}
	return STR("other");
}

static void send_answer(struct evhttp_request *request, struct admin_answer answer)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evhttp_request_get_output_buffer(request);
	struct strbuf text;
	strbuf_init(&text, ANSWER_MAX);
	json_append(&text, answer.body);
	cJSON_Delete(answer.body);
	strbuf_addc(&text, '\n');
	if (text.overflow) {
		strbuf_reset(&text);
		strbuf_adds(&text, "{\"error\":\"the answer is too large; ask for a part\"}\n");
		answer.status = 500;
	}
	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (answer.allow != NULL)
		evhttp_add_header(headers, "Allow", answer.allow);
	evbuffer_add(body, text.p, text.n);
	evhttp_send_reply(request, answer.status, NULL, NULL);
	strbuf_done(&text);
}

/* Who is at the other end; -1 when the system does not tell. */
static int64_t peer_uid(struct evhttp_request *request)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	struct ucred peer;
	socklen_t n = sizeof(peer);
	if (getsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return -1;
	return peer.uid;
}

static void log_done(struct evhttp_request *request, const struct admin_call *call, int status)
{
	struct strbuf did;
	strbuf_init(&did, HEADERS_MAX);
	strbuf_addstr(&did, call->method);
	strbuf_addc(&did, ' ');
	strbuf_addstr(&did, call->path);
	log_info("admin", lf_int("uid", peer_uid(request)), lf_slice("did", strbuf_str(&did)),
		 lf_int("status", status));
	strbuf_done(&did);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct control *control = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t n = evbuffer_get_length(body);
	const struct admin_call call = {
		.method = method_of(request),
		.path = str_of(uri != NULL ? evhttp_uri_get_path(uri) : NULL),
		.query = str_of(uri != NULL ? evhttp_uri_get_query(uri) : NULL),
		.body = { n != 0 ? (const char *)evbuffer_pullup(body, -1) : NULL, n },
	};
	struct admin_view view = { 0 };
	control->ops.look(control->ops.ctx, &view);
	struct admin_answer answer = admin_dispatch(&view, &control->ops, &call);
	if (str_eq(call.method, STR("POST")))
		log_done(request, &call, answer.status);
	send_answer(request, answer);
}

/* ---- the socket */

static bool set_address(const char *path, struct sockaddr_un *out, struct err *err)
{
	size_t n = strlen(path);
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(out->sun_path))
		return err_set(err, "the control socket's path %s is too long: at most %zu bytes",
			       path, sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, n);
	return true;
}

/* Removes what a process that is gone has left behind; refuses to touch anything else. */
static bool remove_stale(const char *path, const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT || err_errno(err, errno, "control socket %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err,
			       "control socket %s: something else has that name; set admin.socket",
			       path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "control socket");
	int code = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (code != ECONNREFUSED)
		return err_set(err, "control socket %s: another oauthrelay answers there", path);
	if (unlink(path) != 0)
		return err_errno(err, errno, "control socket %s", path);
	return true;
}

/* Why the file cannot be made, and what to do. */
static bool explain_bind(const char *path, int errnum, struct err *err)
{
	if (errnum == ENOENT)
		return err_set(err,
			       "control socket %s: its folder does not exist; make it, or set "
			       "admin.socket",
			       path);
	if (errnum == EACCES)
		return err_set(err,
			       "control socket %s: user %u may not write into its folder; give it "
			       "that right, or set admin.socket",
			       path, (unsigned)geteuid());
	return err_errno(err, errnum, "control socket %s", path);
}

static int open_socket(const char *path, struct err *err)
{
	struct sockaddr_un address;
	if (!set_address(path, &address, err) || !remove_stale(path, &address, err))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err_errno(err, errno, "control socket");
		return -1;
	}
	/* Before bind the mode is the descriptor's, less the umask: so the file is never open to
	 * others; afterwards the group gets what the umask took from it. */
	if (fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		explain_bind(path, errno, err);
		close(fd);
		return -1;
	}
	if (chmod(path, SOCKET_MODE) != 0 || listen(fd, BACKLOG) != 0) {
		err_errno(err, errno, "control socket %s", path);
		close(fd);
		unlink(path);
		return -1;
	}
	return fd;
}

struct control *control_new(struct event_base *base, const char *path, const struct admin_ops *ops,
			    struct err *err)
{
	int fd = open_socket(path, err);
	if (fd < 0)
		return NULL;
	struct control *control = mem_zalloc(sizeof(*control));
	control->ops = *ops;
	control->path = mem_strdup(path);
	control->http = evhttp_new(base);
	if (control->http == NULL || evhttp_accept_socket(control->http, fd) != 0) {
		err_set(err, "control socket %s: the HTTP server cannot be started", path);
		close(fd);
		control_free(control);
		return NULL;
	}
	evhttp_set_max_headers_size(control->http, HEADERS_MAX);
	evhttp_set_max_body_size(control->http, BODY_MAX);
	evhttp_set_timeout(control->http, TIMEOUT_S);
	evhttp_set_default_content_type(control->http, "application/json");
	/* All of them, so that the wrong ones get our answer and not the library's page. */
	evhttp_set_allowed_methods(
		control->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				       EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD | EVHTTP_REQ_OPTIONS |
				       EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(control->http, on_request, control);
	return control;
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	if (control->http != NULL)
		evhttp_free(control->http);
	unlink(control->path);
	free(control->path);
	free(control);
}

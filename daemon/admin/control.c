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

#include "admin/metrics.h"
#include "admin/routes.h"
#include "admin/ticket.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"

enum {
	HEADERS_MAX = 16 * 1024,
	BODY_MAX = 64 * 1024,
	ANSWER_MAX = 64 * 1024 * 1024,
	TIMEOUT_S = 30,
	BACKLOG = 32,
	SOCKET_MODE = 0660,
	/* For the log: nobody is there to read the answer (as other servers write it). */
	CLIENT_LEFT = 499,
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
	if (answer.text != NULL)
		strbuf_adds(&text, answer.text);
	else
		json_append(&text, answer.body);
	cJSON_Delete(answer.body);
	if (answer.text == NULL)
		strbuf_addc(&text, '\n');
	if (text.overflow) {
		strbuf_reset(&text);
		strbuf_adds(&text, "{\"error\":\"the answer is too large; ask for a part\"}\n");
		answer.status = 500;
	}
	evhttp_add_header(headers, "Content-Type",
			  answer.text != NULL ? METRICS_CONTENT_TYPE : "application/json");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (answer.allow != NULL)
		evhttp_add_header(headers, "Allow", answer.allow);
	evbuffer_add(body, text.p, text.n);
	evhttp_send_reply(request, answer.status, NULL, NULL);
	strbuf_done(&text);
	free(answer.text);
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

/* One request from its arrival to its answer. */
struct asked {
	struct admin_ticket ticket; /* first */
	struct evhttp_request *request;
	struct strbuf did; /* "POST /v1/..."; nothing for a GET, which does nothing */
	int64_t uid;
	struct event *left; /* while the answer is waited for */
};

static void log_done(const struct asked *asked, int status)
{
	if (asked->did.n != 0)
		log_info("admin", lf_int("uid", asked->uid),
			 lf_slice("did", strbuf_str(&asked->did)), lf_int("status", status));
}

static void asked_free(struct asked *asked)
{
	if (asked->left != NULL)
		event_free(asked->left);
	strbuf_done(&asked->did);
	free(asked);
}

static void finish(struct asked *asked, struct admin_answer answer)
{
	struct evhttp_request *request = asked->request;
	if (answer.no_such_path && asked->did.n != 0) {
		strbuf_reset(&asked->did);
		strbuf_adds(&asked->did, "POST (no such path)");
	}
	log_done(asked, answer.status);
	asked_free(asked);
	send_answer(request, answer);
}

static void on_late_answer(struct admin_ticket *ticket, struct admin_answer answer)
{
	struct asked *asked = (struct asked *)(void *)ticket;
	evhttp_connection_set_closecb(evhttp_request_get_connection(asked->request), NULL, NULL);
	finish(asked, answer);
}

/* The connection is being freed: the client has left, or we stop. */
static void on_gone(struct evhttp_connection *connection, void *arg)
{
	struct asked *asked = arg;
	(void)connection;
	log_done(asked, CLIENT_LEFT);
	asked->ticket.gone(asked->ticket.arg);
	asked_free(asked);
}

static void on_left(evutil_socket_t fd, short what, void *arg)
{
	struct asked *asked = arg;
	(void)fd;
	(void)what;
	evhttp_connection_free(evhttp_request_get_connection(asked->request));
}

/* libevent does not read while a request waits for its answer, so it does not see a client leave
 * and would keep its order for ever; asking it to read would end the process at the next byte
 * ("illegal connection state"). So the descriptor is watched for that alone. */
static void wait_for_answer(struct asked *asked)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(asked->request);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	asked->left = event_new(evhttp_connection_get_base(connection), bufferevent_getfd(bev),
				EV_CLOSED, on_left, asked);
	event_add(asked->left, NULL);
	evhttp_connection_set_closecb(connection, on_gone, asked);
}

/* ---- bodies */

/* In one piece, while what libevent holds is wiped, all pieces of it. */
static struct secret take_body(struct evhttp_request *request)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request);
	size_t n = evbuffer_get_length(in);
	struct secret body = { .p = n != 0 ? mem_alloc(n) : NULL, .n = n };
	if (n != 0)
		evbuffer_copyout(in, body.p, n);
	while (evbuffer_get_length(in) != 0) {
		struct evbuffer_iovec piece;
		if (evbuffer_peek(in, -1, NULL, &piece, 1) < 1)
			break;
		secret_wipe(piece.iov_base, piece.iov_len);
		evbuffer_drain(in, piece.iov_len);
	}
	return body;
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct control *control = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct asked *asked = mem_zalloc(sizeof(*asked));
	struct secret body = take_body(request);
	asked->ticket.answer = on_late_answer;
	asked->request = request;
	asked->uid = peer_uid(request);
	strbuf_init(&asked->did, HEADERS_MAX);
	const struct admin_call call = {
		.method = method_of(request),
		.path = str_of(uri != NULL ? evhttp_uri_get_path(uri) : NULL),
		.query = str_of(uri != NULL ? evhttp_uri_get_query(uri) : NULL),
		.body = secret_reveal(&body),
		.ticket = &asked->ticket,
	};
	if (str_eq(call.method, STR("POST"))) {
		strbuf_adds(&asked->did, "POST ");
		strbuf_addstr(&asked->did, call.path);
	}
	struct admin_view view = { 0 };
	control->ops.look(control->ops.ctx, &view);
	struct admin_answer answer = admin_dispatch(&view, &control->ops, &call);
	secret_done(&body);
	if (answer.status == 0)
		wait_for_answer(asked);
	else
		finish(asked, answer);
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

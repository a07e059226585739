/* SPDX-License-Identifier: MIT */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "inbound/command.h"
#include "inbound/session.h"

/*
 * The session's input and output: which bytes are looked at, and when. All ways lead through
 * in_session_process(): something came in, all output went out, or in_session_wake().
 */

enum {
	READ_MAX = 32 * 1024, /* input kept while nobody can look at it, and one read more */
	STEPS_A_TURN = 64,    /* commands or slices of content, then others have their turn */
};

static size_t output_length(const struct in_session *s)
{
	return evbuffer_get_length(bufferevent_get_output(s->bev));
}

/* The client reads less than it is sent: until it does, nothing of it is read. */
static bool is_behind(const struct in_session *s)
{
	return output_length(s) > s->config->limits.unread_replies;
}

/* One line may be as long as an answer to AUTH if it is an AUTH command. */
static size_t line_max(const struct in_session *s, struct evbuffer *in)
{
	char verb[5];
	size_t max = (size_t)s->config->limits.line_length;
	ssize_t n = evbuffer_copyout(in, verb, sizeof(verb));
	bool auth = s->mode == MODE_AUTH ||
		    (n == sizeof(verb) && str_ieq((struct str){ verb, 5 }, STR("AUTH ")));
	size_t login = (size_t)s->config->limits.auth_line; /* RFC 4954 section 4.b */
	return auth && max < login ? login : max;
}

/* A client that begins with TLS where text is expected would wait for ever. */
static bool is_client_hello(const struct in_session *s, struct evbuffer *in)
{
	unsigned char first;
	return !s->heard && !s->tls && evbuffer_copyout(in, &first, 1) == 1 &&
	       session_tls_is_hello(first);
}

static void check_errors(struct in_session *s)
{
	if (s->errors < s->config->limits.errors ||
	    (s->mode != MODE_COMMAND && s->mode != MODE_AUTH))
		return;
	in_session_reply(s, 421, "4.7.0 Too many errors");
	in_session_finish(s, "too many errors");
}

static void too_long(struct in_session *s)
{
	/* RFC 5321 4.5.3.1.9 */
	in_session_note_event(s, "C: (a line that is too long)");
	if (s->mode == MODE_COMMAND && line_is_bdat(&s->line)) {
		bdat_unreadable(s);
		return;
	}
	in_session_reply(s, 500, "5.5.2 Line too long");
	if (s->mode == MODE_AUTH)
		auth_abort(s);
}

/* One line. False when there is none. */
static bool line_input(struct in_session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct secret line;
	if (is_client_hello(s, in)) {
		session_tls_unexpected(s);
		in_session_finish(s, "TLS on a plain port");
		return false;
	}
	enum line_status status = line_take(&s->line, in, line_max(s, in), &line);
	/* Before the line is run: DATA asks whether one has come. */
	s->cr |= s->line.cr;
	switch (status) {
	case LINE_NONE:
		return false;
	case LINE_ENDLESS:
		in_session_reply(s, 421, "4.5.2 Line without end");
		in_session_finish(s, "line without end");
		return false;
	case LINE_LONG:
		too_long(s);
		break;
	case LINE_READY:
		in_session_note_line(s, secret_reveal(&line));
		if (s->mode == MODE_AUTH)
			auth_line(s, secret_reveal(&line));
		else
			command_run(s, secret_reveal(&line));
		secret_done(&line);
		break;
	}
	s->heard = true;
	check_errors(s);
	return true;
}

/* All is said: tell the client so, and read what it still sends, because closing a socket with
 * unread data would reset the connection and with it our last reply. */
static void shut_output(struct in_session *s)
{
	if (s->eof) {
		in_session_close(s, "closed");
		return;
	}
	if (s->tls) {
		(void)SSL_shutdown(s->ssl);
		ERR_clear_error();
	}
	(void)shutdown(s->fd, SHUT_WR);
	in_session_set_mode(s, MODE_LINGER);
}

/* False: nothing more can be done with what is there. */
static bool step(struct in_session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	switch (s->mode) {
	case MODE_COMMAND:
	case MODE_AUTH:
		return line_input(s);
	case MODE_DATA:
		return data_input(s);
	case MODE_BDAT:
		if (!bdat_input(s))
			return false;
		check_errors(s);
		return true;
	case MODE_STARTTLS:
		if (output_length(s) == 0)
			session_tls_begin(s);
		return false;
	case MODE_CLOSING:
		if (output_length(s) == 0)
			shut_output(s);
		return s->mode == MODE_LINGER;
	case MODE_LINGER:
		evbuffer_drain(in, evbuffer_get_length(in));
		return false;
	case MODE_FIRST_BYTE:
	case MODE_WAIT:
	case MODE_DELAY:
	case MODE_HANDSHAKE:
	case MODE_DEAD:
		return false;
	}
	return false;
}

static bool reads_lines(const struct in_session *s)
{
	return s->mode == MODE_COMMAND || s->mode == MODE_AUTH;
}

/*
 * A whole line fits, so that what is there can always be worked off. Not a high watermark: libevent
 * 2.1 stops there in the middle of a TLS record, and does not look for its rest until more comes.
 */
static bool input_is_full(const struct in_session *s)
{
	const struct inbound_limits *limits = &s->config->limits;
	size_t max = READ_MAX;
	if (limits->line_length + 2 > max)
		max = (size_t)limits->line_length + 2;
	if (limits->auth_line + 2 > max)
		max = (size_t)limits->auth_line + 2;
	return evbuffer_get_length(bufferevent_get_input(s->bev)) >= max;
}

static void update_reading(struct in_session *s)
{
	bool stop = s->mode == MODE_FIRST_BYTE || s->mode == MODE_STARTTLS ||
		    s->mode == MODE_CLOSING || s->mode == MODE_DEAD || s->eof ||
		    (in_session_reads_content(s) && s->tx.paused) ||
		    (reads_lines(s) && is_behind(s)) || input_is_full(s);
	bool reading = (bufferevent_get_enabled(s->bev) & EV_READ) != 0;
	if (stop && reading)
		bufferevent_disable(s->bev, EV_READ);
	else if (!stop && !reading)
		bufferevent_enable(s->bev, EV_READ);
}

/* What has come of a message is lost with the connection. */
static void log_lost_message(struct in_session *s)
{
	if (in_session_reads_content(s) || s->phase == PHASE_BDAT)
		in_session_log_refused(s,
				       "(connection closed inside the message; nothing is kept)");
}

/* The client has shut its side, and what it sent before is not enough for anything. */
static void out_of_input(struct in_session *s)
{
	switch (s->mode) {
	case MODE_DATA:
	case MODE_BDAT:
		if (s->tx.paused)
			break;
		log_lost_message(s);
		/* Replies to what came before may still be on their way out. */
		in_session_finish(s, "closed by the client in its message");
		break;
	case MODE_COMMAND:
	case MODE_AUTH:
		log_lost_message(s);
		in_session_finish(s, "closed by the client");
		break;
	case MODE_LINGER:
		in_session_close(s, "closed");
		break;
	case MODE_FIRST_BYTE:
	case MODE_WAIT:
	case MODE_DELAY:
	case MODE_STARTTLS:
	case MODE_HANDSHAKE:
	case MODE_CLOSING:
	case MODE_DEAD:
		break;
	}
}

void in_session_process(struct in_session *s)
{
	bool more = true;
	for (unsigned i = 0; more && i < STEPS_A_TURN; i++) {
		if (reads_lines(s) && is_behind(s))
			break;
		if (s->in->draining && reads_lines(s))
			in_session_drain(s);
		more = step(s);
		/* The time-out is for a whole command, however slowly its bytes come. */
		if (more && reads_lines(s))
			in_session_set_mode(s, s->mode);
	}
	if (more && !is_behind(s))
		in_session_wake(s);
	else if (!more && s->eof)
		out_of_input(s);
	update_reading(s);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	in_session_process(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	in_session_process(arg);
}

/* Nothing can be sent any more. A message that is being committed will be delivered: its end is
 * waited for, so that the log tells of it. */
static void connection_lost(struct in_session *s)
{
	/* Between messages and behind QUIT that is how many clients end, over TLS above all. */
	bool in_order = s->mode == MODE_CLOSING || s->mode == MODE_LINGER ||
			(s->mode == MODE_COMMAND && s->phase == PHASE_HELLO);
	s->eof = true;
	s->lost = true;
	s->failed |= !in_order;
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	if (s->mode == MODE_WAIT && s->tx.message != NULL)
		return;
	log_lost_message(s);
	in_session_close(s, "connection lost");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct in_session *s = arg;
	(void)bev;
	if (s->mode == MODE_HANDSHAKE && (what & BEV_EVENT_CONNECTED) != 0) {
		session_tls_done(s);
		in_session_process(s);
	} else if ((what & BEV_EVENT_CONNECTED) != 0) {
		/* Too late: it is being closed. */
	} else if (s->mode == MODE_HANDSHAKE) {
		session_tls_failed(s, what);
	} else if ((what & BEV_EVENT_EOF) != 0) {
		s->eof = true;
		in_session_process(s);
	} else {
		connection_lost(s);
	}
}

void in_session_attach(struct in_session *s, struct bufferevent *bev)
{
	s->bev = bev;
	bufferevent_setcb(bev, on_readable, on_written, on_event, s);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* SPDX-License-Identifier: MIT */
#include "admin/metrics.h"

#include <math.h>

#include "common/clock.h"
#include "common/version.h"
#include "queue/account_token.h"

enum {
	PAGE_MAX = 16 * 1024 * 1024
};

/* What one number of the relay, or of each account, is taken from. NAN: it does not exist. */
struct relay_numbers {
	double start_time;
	double queue_messages, queue_recipients, queue_bytes, oldest_age;
	double ready, active, deferred, held, held_by_rate, failed;
	double delivered_total, failed_total;
	double connections, connections_total, accepted_total, refused_total;
};

struct account_numbers {
	double sessions, active, waiting;
	double token_good_for, fetched_total, refused_total;
	double sign_in_ends, skew;
};

struct page {
	struct strbuf *out;
	const struct admin_view *view;
	struct relay_numbers relay;
};

/* ---- lines */

/* Whole ones: what is measured in milliseconds here is no more exact than that. */
static double seconds(int64_t ms)
{
	int64_t whole = ms / 1000;
	return (double)whole;
}

/* As the format wants it; what is not printable has no place in a name. */
static void append_quoted(struct strbuf *out, const char *text)
{
	strbuf_addc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_addc(out, '\\');
		strbuf_addc(out, ascii_is_print(*text) ? *text : '?');
	}
	strbuf_addc(out, '"');
}

/* pairs: name, value ... NULL */
static void sample(struct page *p, const char *name, const char *const *pairs, double value)
{
	strbuf_adds(p->out, name);
	for (size_t i = 0; pairs != NULL && pairs[i] != NULL; i += 2) {
		strbuf_addf(p->out, "%s%s=", i == 0 ? "{" : ",", pairs[i]);
		append_quoted(p->out, pairs[i + 1]);
	}
	strbuf_addf(p->out, "%s %.15g\n", pairs != NULL ? "}" : "", value);
}

static void sample_of_account(struct page *p, const char *name, const struct account *account,
			      const char *label, const char *text, double value)
{
	const char *const pairs[] = { "account", account_config_of(account)->name, label, text,
				      NULL };
	sample(p, name, pairs, value);
}

static const struct account *account_at(const struct page *p, size_t i)
{
	return i < queue_account_count(p->view->queue) ? queue_account(p->view->queue, i) : NULL;
}

/* ---- families with more labels */

static void version_sample(struct page *p, const char *name)
{
	const char *const pairs[] = { "version", version_string(), NULL };
	sample(p, name, pairs, 1);
}

static void account_states(struct page *p, const char *name)
{
	const struct account *account;
	for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
		struct account_status s;
		account_status(account, &s);
		for (enum account_state state = ACCOUNT_OPEN; state <= ACCOUNT_PROBING; state++)
			sample_of_account(p, name, account, "state", account_state_name(state),
					  state == s.state);
	}
}

static void token_states(struct page *p, const char *name)
{
	const struct account *account;
	for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
		struct token_status s;
		if (account_token(account) == NULL)
			continue;
		token_status(account_token(account), &s);
		for (enum token_state state = TOKEN_EMPTY; state <= TOKEN_HELD; state++)
			sample_of_account(p, name, account, "state", token_state_name(state),
					  state == s.state);
	}
}

static void token_failures(struct page *p, const char *name)
{
	const struct account *account;
	for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
		const struct account_token_counters *counters = account_token_counters(account);
		for (enum token_failure_class class = 0; class <= TOKEN_FAIL_POLL; class ++)
			if (account_token(account) != NULL)
				sample_of_account(p, name, account, "class",
						  token_failure_class_name(class),
						  (double)counters->failed[class]);
	}
}

static void credential_ends(struct page *p, const char *name)
{
	const struct account *account;
	for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
		struct token_status s;
		if (account_token(account) == NULL)
			continue;
		token_status(account_token(account), &s);
		for (size_t j = 0; j < s.expiries->n; j++) {
			const struct expiry *e = &s.expiries->v[j];
			const char *const pairs[] = {
				"account",    account_config_of(account)->name,
				"credential", e->label,
				"kind",	      expiry_what_name(e->what),
				"assumed",    e->assumed ? "true" : "false",
				"superseded", e->superseded ? "true" : "false",
				NULL
			};
			if (e->what != EXPIRY_SIGN_IN)
				sample(p, name, pairs, seconds(e->ends_ms));
		}
	}
}

/* 1 for the one that got the last token, and for those that were refused when last tried. */
static void credential_flags(struct page *p, const char *name, bool refused)
{
	const struct account *account;
	for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
		struct token_status s;
		if (account_token(account) == NULL)
			continue;
		token_status(account_token(account), &s);
		for (size_t j = 0; j < s.credentials->n; j++) {
			const struct credential *c = &s.credentials->v[j];
			bool serving = s.serving[0] != '\0' && s.serving_index == j;
			if (!c->pending)
				sample_of_account(p, name, account, "credential", c->label,
						  refused ? s.refused[j] : serving);
		}
	}
}

static void credentials_serving(struct page *p, const char *name)
{
	credential_flags(p, name, false);
}

static void credentials_refused(struct page *p, const char *name)
{
	credential_flags(p, name, true);
}

static void sample_of_listener(struct page *p, const char *name, bool total)
{
	const struct config *config = p->view->config;
	for (size_t i = 0; i < config->listener_count; i++) {
		const char *address = config->listeners[i].address;
		const char *const pairs[] = { "listener", address, NULL };
		struct inbound_listener_counters c =
			inbound_listener_counters(p->view->inbound, address);
		sample(p, name, pairs,
		       total ? (double)c.connections_total : (double)c.connections_now);
	}
}

static void listener_connections(struct page *p, const char *name)
{
	sample_of_listener(p, name, false);
}

static void listener_connections_total(struct page *p, const char *name)
{
	sample_of_listener(p, name, true);
}

/* ---- the table */

#define RELAY(field)   offsetof(struct relay_numbers, field), NULL
#define ACCOUNT(field) offsetof(struct account_numbers, field), NULL
#define OTHER(samples) 0, samples

/* clang-format off */
static const struct metric {
	const char *name; /* behind "oauthrelay_" */
	const char *type;
	const char *help;
	enum { OF_RELAY, OF_ACCOUNT, OF_OTHERS } of;
	size_t offset;
	void (*samples)(struct page *p, const char *name);
} metrics[] = {
	{ "info", "gauge", "What runs.", OF_OTHERS, OTHER(version_sample) },
	{ "start_time_seconds", "gauge", "When it was started, in seconds since 1970.", OF_RELAY, RELAY(start_time) },

	{ "account_state", "gauge", "1 for the state in which the account is.", OF_OTHERS, OTHER(account_states) },
	{ "account_sessions", "gauge", "Connections to the account's mail server.", OF_ACCOUNT, ACCOUNT(sessions) },
	{ "account_transactions", "gauge", "Messages that are being sent.", OF_ACCOUNT, ACCOUNT(active) },
	{ "account_waiting_messages", "gauge", "Messages that are ready and wait for their turn.", OF_ACCOUNT, ACCOUNT(waiting) },

	{ "token_state", "gauge", "1 for the state in which the account's token is.", OF_OTHERS, OTHER(token_states) },
	{ "token_good_for_seconds", "gauge", "How long the token can still be used; 0 without one.", OF_ACCOUNT, ACCOUNT(token_good_for) },
	{ "token_fetches_total", "counter", "Tokens that the endpoint has given.", OF_ACCOUNT, ACCOUNT(fetched_total) },
	{ "token_failures_total", "counter", "Attempts to get a token that have failed, by what follows from it.", OF_OTHERS, OTHER(token_failures) },
	{ "credential_refusals_total", "counter", "Credentials that were refused, so that the next was tried.", OF_ACCOUNT, ACCOUNT(refused_total) },
	{ "credential_serving", "gauge", "1 for the credential that got the last token.", OF_OTHERS, OTHER(credentials_serving) },
	{ "credential_refused", "gauge", "1 for a credential that was refused when it was tried last.", OF_OTHERS, OTHER(credentials_refused) },
	{ "credential_expiry_timestamp_seconds", "gauge", "When a secret or certificate ends, in seconds since 1970.", OF_OTHERS, OTHER(credential_ends) },
	{ "sign_in_expiry_timestamp_seconds", "gauge", "When the sign-in ends if it is not used again, in seconds since 1970.", OF_ACCOUNT, ACCOUNT(sign_in_ends) },
	{ "clock_skew_seconds", "gauge", "This machine's clock minus the token endpoint's; 0 when they agree.", OF_ACCOUNT, ACCOUNT(skew) },

	{ "queue_messages", "gauge", "Messages in the queue.", OF_RELAY, RELAY(queue_messages) },
	{ "queue_recipients", "gauge", "Recipients in the queue that have not got theirs yet.", OF_RELAY, RELAY(queue_recipients) },
	{ "queue_bytes", "gauge", "Size of the messages in the queue.", OF_RELAY, RELAY(queue_bytes) },
	{ "queue_oldest_message_age_seconds", "gauge", "Age of the oldest message; 0 when the queue is empty.", OF_RELAY, RELAY(oldest_age) },
	{ "queue_ready_messages", "gauge", "Messages that are sent as soon as their account may.", OF_RELAY, RELAY(ready) },
	{ "queue_active_messages", "gauge", "Messages that are being sent.", OF_RELAY, RELAY(active) },
	{ "queue_deferred_messages", "gauge", "Messages that wait for a time after an attempt.", OF_RELAY, RELAY(deferred) },
	{ "queue_held_messages", "gauge", "Messages that wait for somebody's decision.", OF_RELAY, RELAY(held) },
	{ "queue_held_by_rate_messages", "gauge", "Messages that wait for `device release`.", OF_RELAY, RELAY(held_by_rate) },
	{ "queue_failed_messages", "gauge", "Messages with a recipient that was refused for good.", OF_RELAY, RELAY(failed) },
	{ "delivered_recipients_total", "counter", "Recipients whose mail the server has accepted.", OF_RELAY, RELAY(delivered_total) },
	{ "failed_recipients_total", "counter", "Recipients that were refused for good.", OF_RELAY, RELAY(failed_total) },

	{ "intake_connections", "gauge", "Devices that are connected.", OF_RELAY, RELAY(connections) },
	{ "intake_connections_total", "counter", "Connections of devices.", OF_RELAY, RELAY(connections_total) },
	{ "intake_messages_total", "counter", "Messages that were accepted.", OF_RELAY, RELAY(accepted_total) },
	{ "intake_refused_commands_total", "counter", "Commands of devices that were refused.", OF_RELAY, RELAY(refused_total) },
	{ "listener_connections", "gauge", "Devices that are connected, by listener.", OF_OTHERS, OTHER(listener_connections) },
	{ "listener_connections_total", "counter", "Connections of devices, by listener.", OF_OTHERS, OTHER(listener_connections_total) },
};
/* clang-format on */

/* ---- the page */

static void look_at_relay(struct page *p)
{
	const struct inbound_counters *intake = &p->view->intake;
	struct queue_totals q;
	queue_totals(p->view->queue, &q);
	int64_t now = clock_wall_ms(), age = q.oldest_ms != 0 ? now - q.oldest_ms : 0;
	int64_t started_ms = now - (clock_mono_ms() - p->view->started_ms);
	p->relay = (struct relay_numbers){
		.start_time = seconds(started_ms),
		.queue_messages = (double)q.messages,
		.queue_recipients = (double)q.recipients,
		.queue_bytes = (double)q.bytes,
		.oldest_age = seconds(age > 0 ? age : 0),
		.ready = (double)q.ready,
		.active = (double)q.active,
		.deferred = (double)q.deferred,
		.held = (double)q.held,
		.held_by_rate = (double)q.held_by_rate,
		.failed = (double)q.failed,
		.delivered_total = (double)q.delivered_total,
		.failed_total = (double)q.failed_total,
		.connections = (double)intake->connections_now,
		.connections_total = (double)intake->connections_total,
		.accepted_total = (double)intake->accepted_total,
		.refused_total = (double)intake->refused_total,
	};
}

static void look_at_account(const struct account *account, struct account_numbers *out)
{
	const struct account_token_counters *counters = account_token_counters(account);
	struct account_status s;
	struct token_status t;
	account_status(account, &s);
	*out = (struct account_numbers){ .sessions = (double)s.sessions,
					 .active = (double)s.active,
					 .waiting = (double)s.waiting,
					 .token_good_for = (double)NAN,
					 .fetched_total = (double)NAN,
					 .refused_total = (double)NAN,
					 .sign_in_ends = (double)NAN,
					 .skew = (double)NAN };
	if (account_token(account) == NULL)
		return;
	token_status(account_token(account), &t);
	out->token_good_for = seconds(t.good_for_ms);
	out->fetched_total = (double)counters->fetched;
	out->refused_total = (double)counters->refused;
	out->skew = seconds(t.skew_ms);
	for (size_t i = 0; i < t.expiries->n; i++)
		if (t.expiries->v[i].what == EXPIRY_SIGN_IN)
			out->sign_in_ends = seconds(t.expiries->v[i].ends_ms);
}

static double number_at(const void *numbers, size_t offset)
{
	return *(const double *)(const void *)((const char *)numbers + offset);
}

static void append_samples(struct page *p, const struct metric *m, const char *name)
{
	const struct account *account;
	switch (m->of) {
	case OF_RELAY:
		sample(p, name, NULL, number_at(&p->relay, m->offset));
		break;
	case OF_ACCOUNT:
		for (size_t i = 0; (account = account_at(p, i)) != NULL; i++) {
			struct account_numbers numbers;
			look_at_account(account, &numbers);
			double value = number_at(&numbers, m->offset);
			if (!isnan(value))
				sample_of_account(p, name, account, NULL, NULL, value);
		}
		break;
	case OF_OTHERS:
		m->samples(p, name);
		break;
	}
}

struct admin_answer show_metrics(const struct admin_request *request)
{
	struct strbuf out, name;
	struct page page = { .out = &out, .view = request->view };
	strbuf_init(&out, PAGE_MAX);
	strbuf_init(&name, 128);
	look_at_relay(&page);
	for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
		const struct metric *m = &metrics[i];
		strbuf_reset(&name);
		strbuf_addf(&name, "oauthrelay_%s", m->name);
		strbuf_addf(&out, "# HELP %s %s\n# TYPE %s %s\n", strbuf_cstr(&name), m->help,
			    strbuf_cstr(&name), m->type);
		append_samples(&page, m, strbuf_cstr(&name));
	}
	strbuf_done(&name);
	if (out.overflow) {
		strbuf_done(&out);
		return admin_error(500, "there are too many accounts for one page");
	}
	return (struct admin_answer){ .status = 200, .text = strbuf_steal(&out) };
}

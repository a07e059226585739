/* SPDX-License-Identifier: MIT */
#include "tests/unit/support/smtp_model.h"

#include <string.h>

#include "common/attr.h"

enum {
	TEXT_MAX = 1 << 20,
	WRONG_LOGINS_MAX = 2, /* the third would end the session */
};

/* --- the model: phases, and the table of steps ----------------------------------------------- */

enum phase {
	START,
	HELLO,
	MAIL,
	RCPT,
	BDAT,
	PHASES
};

/* What a step does beside its row. */
enum effect {
	NOTHING,
	SENDER,
	RECIPIENT,
	DATA,
	CHUNK,
	LAST_CHUNK,
	LOGIN,
	WRONG_LOGIN,
	CANCELLED_LOGIN,
	STARTTLS,
};

struct step {
	const char *text;	   /* a command; for content, what stands behind it */
	const char *codes[PHASES]; /* the replies, by phase */
	const char *then;	   /* the phase behind it, a letter for each: S H M R B, or '=' */
	enum effect effect;
};

#define LATE	  "503"
#define ANYWHERE  "250", "250", "250", "250", "250"
#define ALL(code) code, code, code, code, code
#define NUL_BODY  "nul\r\n"

static const struct step steps[] = {
	{ "EHLO x\r\n", { ANYWHERE }, "HHHHH", NOTHING },
	{ "HELO x\r\n", { ANYWHERE }, "HHHHH", NOTHING },
	{ "EHLO\r\n", { ALL("501") }, "=====", NOTHING },
	{ "MAIL FROM:<a@b.c>\r\n", { LATE, "250", LATE, LATE, LATE }, "=M===", SENDER },
	{ "MAIL FROM:<d@e.f>\r\n", { LATE, "250", LATE, LATE, LATE }, "=M===", SENDER },
	{ "MAIL FROM:<>\r\n", { LATE, "250", LATE, LATE, LATE }, "=M===", SENDER },
	{ "MAIL FROM:<a@b\r\n", { LATE, "501", LATE, LATE, LATE }, "=====", SENDER },
	{ "MAIL FROM:<a@b> SIZE=9999999\r\n", { LATE, "552", LATE, LATE, LATE }, "=====", SENDER },
	{ "MAIL FROM:<a@b> FOO=1\r\n", { LATE, "555", LATE, LATE, LATE }, "=====", SENDER },
	{ "RCPT TO:<a@b.c>\r\n", { LATE, LATE, "250", "250", LATE }, "==RR=", RECIPIENT },
	{ "RCPT TO:<g@h.i>\r\n", { LATE, LATE, "250", "250", LATE }, "==RR=", RECIPIENT },
	{ "RCPT TO:<" MODEL_REFUSED_BEGIN ">\r\n",
	  { LATE, LATE, "250", "250", LATE },
	  "==RR=",
	  RECIPIENT },
	{ "RCPT TO:<" MODEL_REFUSED_FINISH ">\r\n",
	  { LATE, LATE, "250", "250", LATE },
	  "==RR=",
	  RECIPIENT },
	{ "RCPT TO:<>\r\n", { LATE, LATE, "501", "501", LATE }, "=====", NOTHING },
	{ "QUIT\r\n..\r\nbody\r\n", { LATE, LATE, LATE, "354 250", LATE }, "===H=", DATA },
	{ "..\r\n\r\n", { LATE, LATE, LATE, "354 250", LATE }, "===H=", DATA },
	{ NUL_BODY, { LATE, LATE, LATE, "354 554", LATE }, "===H=", DATA },
	{ "DATA x\r\n", { LATE, LATE, LATE, "501", LATE }, "=====", NOTHING },
	{ "QUIT\r\n.\r\nMAIL FROM:<x@y>\r\n", { LATE, LATE, LATE, "250", "250" }, "===BB", CHUNK },
	{ "", { LATE, LATE, LATE, "250", "250" }, "===BB", CHUNK },
	{ "x", { LATE, LATE, LATE, "250", "250" }, "===BB", CHUNK },
	{ NUL_BODY, { LATE, LATE, LATE, "554", "554" }, "===BB", CHUNK },
	{ "RSET\r\n.\r\n", { LATE, LATE, LATE, "250", "250" }, "===HH", LAST_CHUNK },
	{ "", { LATE, LATE, LATE, "250", "250" }, "===HH", LAST_CHUNK },
	{ "RSET\r\n", { ANYWHERE }, "=HHHH", NOTHING },
	{ "RSET x\r\n", { ALL("501") }, "=====", NOTHING },
	{ "NOOP\r\n", { ANYWHERE }, "=====", NOTHING },
	{ "VRFY x\r\n", { ALL("252") }, "=====", NOTHING },
	{ "HELP\r\n", { ALL("214") }, "=====", NOTHING },
	{ "FOO\r\n", { ALL("500") }, "=====", NOTHING },
	{ "\r\n", { ALL("500") }, "=====", NOTHING },
	{ "EXPN x\r\n", { ALL("502") }, "=====", NOTHING },
	{ "STARTTLS\r\n", { LATE, "502", LATE, LATE, LATE }, "=====", STARTTLS },
	{ "STARTTLS x\r\n", { LATE, "501", LATE, LATE, LATE }, "=====", NOTHING },
	{ MODEL_LOGIN, { LATE, "235", LATE, LATE, LATE }, "=====", LOGIN },
	{ MODEL_WRONG_LOGIN, { LATE, "535", LATE, LATE, LATE }, "=====", WRONG_LOGIN },
	{ "AUTH LOGIN YQ==\r\n*\r\n",
	  { "503 500", "334 501", "503 500", "503 500", "503 500" },
	  "=====",
	  CANCELLED_LOGIN },
};

struct model {
	const struct model_client *client;
	struct model_walk *walk;
	enum phase phase;
	bool logged_in;
	unsigned wrong_logins;
	/* The transaction: */
	char sender[64];
	struct strbuf recipients;
	bool refused_begin;
	bool refused_finish;
	const char *spoilt; /* BDAT: the code all further chunks get */
};

/* --- what is sent ------------------------------------------------------------------------------
 */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* As this client writes it: maybe without CRs; "nul" stands for the byte. */
static void add_text(const struct model *m, struct strbuf *out, const char *text)
{
	if (strcmp(text, NUL_BODY) == 0) {
		strbuf_addc(out, '\0');
		text += 3;
	}
	for (; *text != '\0'; text++)
		if (*text != '\r' || !m->client->lf)
			strbuf_addc(out, *text);
}

static struct strbuf *stream(const struct model *m)
{
	return m->walk->tls ? &m->walk->secured : &m->walk->clear;
}

static void send_text(struct model *m, const char *text)
{
	add_text(m, stream(m), text);
}

static void send_chunk(struct model *m, const char *payload, bool last)
{
	struct strbuf bytes;
	strbuf_init(&bytes, TEXT_MAX);
	add_text(m, &bytes, payload);
	strbuf_addf(stream(m), "BDAT %zu%s", bytes.n, last ? " LAST" : "");
	send_text(m, "\r\n");
	strbuf_addstr(stream(m), strbuf_str(&bytes));
	strbuf_done(&bytes);
}

static void expect(struct model *m, const char *codes)
{
	struct model_walk *walk = m->walk;
	for (const char *p = codes; *p != '\0'; p++)
		walk->replies += *p == ' ';
	walk->replies++;
	strbuf_addf(&walk->codes, "%s%s", walk->codes.n != 0 ? " " : "", codes);
}

/* --- what becomes of it ------------------------------------------------------------------------
 */

static void forget_transaction(struct model *m)
{
	m->sender[0] = '\0';
	strbuf_reset(&m->recipients);
	m->refused_begin = false;
	m->refused_finish = false;
	m->spoilt = NULL;
}

static void enter(struct model *m, const struct step *step)
{
	static const char letters[] = "SHMRB";
	const char *at = strchr(letters, step->then[m->phase]);
	bool began = m->phase == RCPT && step->then[m->phase] == 'B';
	if (at == NULL)
		return;
	m->phase = (enum phase)(at - letters);
	if (m->phase == HELLO && !began)
		forget_transaction(m);
}

static void arrive(struct model *m)
{
	strbuf_addf(&m->walk->messages, "%s>%s\n", m->sender, strbuf_cstr(&m->recipients));
}

/* What the other side says to the message of this transaction when it begins: NULL, or a code. */
static const char *begin_message(struct model *m)
{
	if (m->refused_begin)
		return "452";
	m->walk->begun++;
	return NULL;
}

static const char *finish_message(struct model *m)
{
	if (m->refused_finish)
		return "451";
	arrive(m);
	return "250";
}

static void data(struct model *m, const struct step *step)
{
	send_text(m, "DATA\r\n");
	if (m->phase != RCPT) {
		expect(m, step->codes[m->phase]);
		return;
	}
	const char *refused = begin_message(m);
	if (refused != NULL) {
		expect(m, refused);
	} else {
		send_text(m, "Subject: x\r\n\r\n");
		send_text(m, step->text);
		send_text(m, ".\r\n");
		expect(m, "354");
		expect(m, strcmp(step->text, NUL_BODY) == 0 ? "554" : finish_message(m));
	}
	enter(m, step);
}

static void chunk(struct model *m, const struct step *step, bool last)
{
	send_chunk(m, step->text, last);
	if (m->phase != RCPT && m->phase != BDAT) {
		expect(m, step->codes[m->phase]);
		return;
	}
	if (m->phase == RCPT)
		m->spoilt = begin_message(m);
	if (m->spoilt == NULL && strcmp(step->text, NUL_BODY) == 0)
		m->spoilt = "554";
	if (m->spoilt != NULL)
		expect(m, m->spoilt);
	else
		expect(m, last ? finish_message(m) : "250");
	enter(m, step);
}

static void sender(struct model *m, const struct step *step)
{
	bool barred = m->client->rule != MODEL_OPEN && !m->logged_in;
	send_text(m, step->text);
	if (m->phase == HELLO && barred) {
		expect(m, "530");
		return;
	}
	expect(m, step->codes[m->phase]);
	if (step->then[m->phase] == 'M') {
		size_t n = strcspn(step->text + 11, ">");
		memcpy(m->sender, step->text + 11, n);
		m->sender[n] = '\0';
	}
	enter(m, step);
}

static void recipient(struct model *m, const struct step *step)
{
	send_text(m, step->text);
	expect(m, step->codes[m->phase]);
	if (step->then[m->phase] == 'R') {
		struct str address = { step->text + 9, strcspn(step->text + 9, ">") };
		strbuf_adds(&m->recipients, m->recipients.n != 0 ? "," : "");
		strbuf_addstr(&m->recipients, address);
		m->refused_begin |= str_eq(address, STR(MODEL_REFUSED_BEGIN));
		m->refused_finish |= str_eq(address, STR(MODEL_REFUSED_FINISH));
	}
	enter(m, step);
}

/* NULL: AUTH is allowed now. */
static const char *why_no_login(const struct model *m, const struct step *step)
{
	if (m->phase != HELLO)
		return step->codes[m->phase];
	if (m->logged_in)
		return "503";
	return m->client->rule == MODEL_USERS_BY_TLS && !m->walk->tls ? "538" : NULL;
}

static void login(struct model *m, const struct step *step)
{
	bool checked = m->client->rule == MODEL_USERS || m->client->rule == MODEL_USERS_BY_TLS;
	bool cancelled = step->effect == CANCELLED_LOGIN;
	const char *why = why_no_login(m, step);
	bool wrong = step->effect == WRONG_LOGIN && checked && why == NULL;
	if (wrong && ++m->wrong_logins > WRONG_LOGINS_MAX)
		return;
	send_text(m, step->text);
	if (why != NULL) {
		expect(m, why);
		if (cancelled && strchr(why, ' ') == NULL)
			expect(m, "500"); /* the "*" is a command then */
	} else if (cancelled) {
		expect(m, "334 501");
	} else {
		expect(m, wrong ? "535" : "235");
		m->logged_in = !wrong;
	}
}

static void starttls(struct model *m, const struct step *step)
{
	bool begins = m->phase == HELLO && m->client->tls && !m->walk->tls;
	send_text(m, step->text);
	if (!begins) {
		expect(m, m->phase == HELLO && m->walk->tls ? "503" : step->codes[m->phase]);
		return;
	}
	expect(m, "220");
	m->walk->clear_replies = m->walk->replies;
	m->walk->tls = true;
	m->phase = START;
	m->logged_in = false;
}

static void take_step(struct model *m, const struct step *step)
{
	switch (step->effect) {
	case NOTHING:
		send_text(m, step->text);
		expect(m, step->codes[m->phase]);
		enter(m, step);
		break;
	case SENDER:
		sender(m, step);
		break;
	case RECIPIENT:
		recipient(m, step);
		break;
	case DATA:
		data(m, step);
		break;
	case CHUNK:
	case LAST_CHUNK:
		chunk(m, step, step->effect == LAST_CHUNK);
		break;
	case LOGIN:
	case WRONG_LOGIN:
	case CANCELLED_LOGIN:
		login(m, step);
		break;
	case STARTTLS:
		starttls(m, step);
		break;
	}
}

/* Every other one changes the phase, if it is as usual: else few dialogues would get to a message.
 */
static const struct step *choose(const struct model *m, uint64_t *random)
{
	bool leads_on = (next_random(random) & 1) != 0;
	const struct step *step = NULL;
	for (unsigned i = 0; i < 16; i++) {
		step = &steps[next_random(random) % ARRAY_LEN(steps)];
		if (!leads_on || step->then[m->phase] != '=')
			break;
	}
	return step;
}

/* --- the end -----------------------------------------------------------------------------------
 */

/* Begins content and leaves it half. False where there is nothing to begin. */
static bool half_content(struct model *m)
{
	if (m->phase == BDAT) {
		send_text(m, "BDAT 100 LAST\r\nSubject:");
		return true;
	}
	if (m->phase != RCPT || m->refused_begin)
		return false;
	m->walk->begun++;
	send_text(m, "DATA\r\nSubject: half\r\n");
	expect(m, "354");
	return true;
}

static void finish(struct model *m, enum model_end end)
{
	bool in_content = end == MODEL_SHUTS_IN_CONTENT || end == MODEL_TIMES_OUT_IN_CONTENT;
	if (in_content && !half_content(m))
		end = end == MODEL_SHUTS_IN_CONTENT ? MODEL_SHUTS : MODEL_TIMES_OUT;
	m->walk->end = end;
	switch (end) {
	case MODEL_QUITS:
		send_text(m, "QUIT\r\nNOOP\r\n");
		expect(m, "221");
		break;
	case MODEL_TIMES_OUT:
	case MODEL_TIMES_OUT_IN_CONTENT:
		strbuf_adds(&m->walk->codes, " 421"); /* not among the replies to what was sent */
		break;
	case MODEL_BAD_CHUNK:
		send_text(m, "BDAT 0x4\r\nNOOP\r\nNOOP\r\n");
		expect(m, "501");
		break;
	case MODEL_HTTP:
		send_text(m, "GET / HTTP/1.1\r\nNOOP\r\n");
		break;
	case MODEL_SHUTS:
	case MODEL_SHUTS_IN_CONTENT:
	case MODEL_ENDS:
		break;
	}
}

void model_walk(struct model_walk *walk, const struct model_client *client, uint64_t seed,
		unsigned count)
{
	/* Neighbouring seeds make different walks; zero would stay zero. */
	uint64_t random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct model m = { .client = client, .walk = walk, .phase = START };
	*walk = (struct model_walk){ .begun = 0 };
	strbuf_init(&walk->clear, TEXT_MAX);
	strbuf_init(&walk->secured, TEXT_MAX);
	strbuf_init(&walk->codes, TEXT_MAX);
	strbuf_init(&walk->messages, TEXT_MAX);
	strbuf_init(&m.recipients, TEXT_MAX);
	expect(&m, "220");
	for (unsigned i = 0; i < count; i++)
		take_step(&m, choose(&m, &random));
	finish(&m, (enum model_end)(next_random(&random) % MODEL_ENDS));
	if (!walk->tls)
		walk->clear_replies = walk->replies;
	strbuf_done(&m.recipients);
}

void model_walk_done(struct model_walk *walk)
{
	strbuf_done(&walk->clear);
	strbuf_done(&walk->secured);
	strbuf_done(&walk->codes);
	strbuf_done(&walk->messages);
}

/* SPDX-License-Identifier: MIT */
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attr.h"
#include "common/tls.h"
#include "common/tls_hello.h"
#include "common/tls_server.h"
#include "tests/fuzz/fuzz.h"

/*
 * A client's first bytes where TLS is to begin: what OpenSSL hands to us of a ClientHello, in its
 * own form or SSL 2.0's, and what is said of a handshake that failed, which each of these does.
 * Input: a byte of choices (bit 0: a legacy context; bit 1: not to OpenSSL, but straight to
 * tls_hello_read(); bit 2: there, SSL 2.0's form), one of segments, then the bytes. Straight: two
 * of version, one with the length of the cipher suites, these, and supported_versions.
 */
enum {
	LEGACY = 1,
	STRAIGHT = 2,
	SSLV2_FORM = 4,
	TEXT_MAX = 1024,
	SSL3 = 0x0300,
	TLS1_3 = 0x0304,
};

static struct event_base *base;
static SSL_CTX *contexts[2];

static void clean_up(void)
{
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++)
		SSL_CTX_free(contexts[i]);
	event_base_free(base);
}

/* Made once: keys take their time. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char folder[] = "/tmp/oar-hello-XXXXXX", certificate[64], key[64];
	struct err err = { .text = "" };
	(void)argc;
	(void)argv;
	fuzz_check(mkdtemp(folder) != NULL, "there is a folder");
	snprintf(certificate, sizeof(certificate), "%s/c.pem", folder);
	snprintf(key, sizeof(key), "%s/k.pem", folder);
	bool ok = tls_make_self_signed(certificate, key, "relay.contoso.com", &err);
	for (size_t i = 0; ok && i < ARRAY_LEN(contexts); i++) {
		const struct tls_server_params params = {
			.certificate = certificate,
			.key = key,
			.id = STR("x"),
			.legacy = i == 1,
		};
		contexts[i] = tls_server_context(&params, &err);
		ok = contexts[i] != NULL;
	}
	unlink(certificate);
	unlink(key);
	rmdir(folder);
	fuzz_check(ok, err.text);
	base = event_base_new();
	return atexit(clean_up);
}

/* --- what is said ---------------------------------------------------------------------------- */

static void check_text(struct str text, enum tls_fault fault)
{
	struct str remedy = str_of(tls_fault_remedy(fault));
	fuzz_check(text.n != 0, "something is said");
	for (size_t i = 0; i < text.n; i++)
		fuzz_check(ascii_is_print(text.p[i]), "nothing foreign is said");
	fuzz_check(str_icontains(text, STR("TLS 1.-")) < 0, "versions have names");
	fuzz_check((remedy.n == 0) == (fault == TLS_FAULT_NONE), "a fault has a remedy");
	fuzz_check(str_iends(text, remedy), "the remedy is said");
}

static void check_hello(const struct tls_hello *hello, bool legacy)
{
	enum tls_fault fault = tls_hello_fault(hello, legacy);
	struct strbuf text;
	fuzz_check(hello->version <= TLS1_3, "no version is newer than ours");
	fuzz_check(hello->count ==
			   (hello->total < TLS_HELLO_CIPHERS ? hello->total : TLS_HELLO_CIPHERS),
		   "as many are kept as there is room for");
	fuzz_check(hello->total == 0 || hello->kinds != 0, "each cipher suite is of a kind");
	fuzz_check(!legacy || fault != TLS_FAULT_LEGACY, "what is set is not asked for");
	strbuf_init(&text, TEXT_MAX);
	tls_hello_append(&text, hello, fault);
	if (fault != TLS_FAULT_NONE)
		strbuf_addf(&text, ": %s", tls_fault_remedy(fault));
	fuzz_check(!text.overflow, "it is short");
	check_text(strbuf_str(&text), fault);
	strbuf_done(&text);
}

/* --- the second reading ---------------------------------------------------------------------- */

struct offer {
	unsigned version; /* of the old field */
	bool sslv2_form;
	struct str ciphers;
	struct str versions;
};

static unsigned number(struct str s, size_t bytes)
{
	unsigned n = 0;
	for (size_t i = 0; i < bytes && i < s.n; i++)
		n = n << 8 | (unsigned char)s.p[i];
	return n;
}

/* A vector: its length in so many bytes, then itself; cut off what does not reach that far. */
static struct str vector(struct str *rest, size_t bytes)
{
	size_t n = number(*rest, bytes);
	struct str v = str_head(str_skip(*rest, bytes), n);
	*rest = str_skip(*rest, bytes + n);
	return v;
}

/* One ClientHello in one record, and nothing behind it (RFC 8446 4.1.2, 5.1). */
static bool read_tls(struct str in, struct offer *o)
{
	enum {
		RECORD_HEAD = 5,
		HANDSHAKE_HEAD = 4,
		RANDOM = 32,
		SUPPORTED_VERSIONS = 43
	};
	if (in.n < RECORD_HEAD + HANDSHAKE_HEAD || in.p[0] != 22 || in.p[RECORD_HEAD] != 1 ||
	    number(str_skip(in, 3), 2) != in.n - RECORD_HEAD ||
	    number(str_skip(in, RECORD_HEAD + 1), 3) != in.n - RECORD_HEAD - HANDSHAKE_HEAD)
		return false;
	in = str_skip(in, RECORD_HEAD + HANDSHAKE_HEAD);
	*o = (struct offer){ .version = number(in, 2) };
	in = str_skip(in, 2 + RANDOM);
	vector(&in, 1);
	o->ciphers = vector(&in, 2);
	vector(&in, 1);
	for (struct str extensions = vector(&in, 2); extensions.n != 0;) {
		unsigned type = number(extensions, 2);
		extensions = str_skip(extensions, 2);
		struct str body = vector(&extensions, 2);
		if (type == SUPPORTED_VERSIONS)
			o->versions = body;
	}
	return true;
}

/* The same in SSL 2.0's form (RFC 5246 appendix E.2). */
static bool read_ssl2(struct str in, struct offer *o)
{
	if (in.n < 11 || (in.p[0] & 0x80) == 0 || in.p[2] != 1 ||
	    (number(in, 2) & 0x7fff) != in.n - 2)
		return false;
	*o = (struct offer){ .version = number(str_skip(in, 3), 2), .sslv2_form = true };
	o->ciphers = str_head(str_skip(in, 11), number(str_skip(in, 5), 2));
	return true;
}

/* RFC 5746 3.3, RFC 7507 and RFC 8701. */
static bool is_no_cipher(unsigned id)
{
	return id == 0x00ff || id == 0x5600 || id % 0x1010 == 0x0a0a;
}

static void check_offer(const struct offer *o, const struct tls_hello *hello)
{
	unsigned version = o->version < TLS1_3 ? o->version : TLS1_3;
	size_t width = o->sslv2_form ? 3 : 2, total = 0;
	for (struct str v = str_skip(o->versions, 1); v.n >= 2; v = str_skip(v, 2)) {
		unsigned n = number(v, 2);
		if (n >= SSL3 && n <= TLS1_3 && n > version)
			version = n;
	}
	for (struct str c = o->ciphers; c.n >= width; c = str_skip(c, width)) {
		unsigned id = number(c, width);
		if (id > 0xffff || is_no_cipher(id))
			continue;
		fuzz_check(total >= TLS_HELLO_CIPHERS || hello->ciphers[total] == id,
			   "cipher suites are those of the wire, in its order");
		total++;
	}
	fuzz_check(hello->total == total, "all cipher suites are counted");
	fuzz_check(hello->version == version, "the version is the highest offered");
}

/* --- one handshake --------------------------------------------------------------------------- */

struct outcome {
	struct tls_hello hello;
	struct err err;
	enum tls_fault fault;
	SSL *ssl;
	bool over;
};

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct outcome *o = arg;
	fuzz_check((what & BEV_EVENT_CONNECTED) == 0, "nobody guesses a Finished");
	o->fault = tls_server_explain(bev, o->ssl, what, &o->err);
	o->over = true;
}

static void shake(SSL_CTX *context, struct str in, unsigned cut, struct outcome *o)
{
	struct fuzz_cuts cuts;
	int ends[2];
	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "a pair");
	*o = (struct outcome){ .over = false };
	o->ssl = tls_server_new(context, &o->hello, &o->err);
	struct bufferevent *bev =
		bufferevent_openssl_socket_new(base, ends[0], o->ssl, BUFFEREVENT_SSL_ACCEPTING, 0);
	bufferevent_setcb(bev, NULL, NULL, on_event, o);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	fuzz_cuts_init(&cuts, cut);
	while (in.n != 0 && !o->over) {
		struct str piece = fuzz_cut(&cuts, &in);
		fuzz_check(send(ends[1], piece.p, piece.n, MSG_NOSIGNAL) == (ssize_t)piece.n,
			   "there is room for what is sent");
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	shutdown(ends[1], SHUT_WR);
	while (!o->over)
		event_base_loop(base, EVLOOP_ONCE);
	bufferevent_free(bev);
	tls_server_done(o->ssl);
	SSL_free(o->ssl);
	close(ends[0]);
	close(ends[1]);
}

static void check_outcome(struct str in, bool legacy, const struct outcome *o)
{
	struct offer offer;
	check_text(str_of(o->err.text), o->fault);
	fuzz_check(!legacy || o->fault != TLS_FAULT_LEGACY, "what is set is not asked for");
	fuzz_check(o->hello.seen || o->fault == TLS_FAULT_NONE || o->fault == TLS_FAULT_LEGACY,
		   "nobody is blamed unseen");
	if (!o->hello.seen)
		return;
	check_hello(&o->hello, legacy);
	if (read_tls(in, &offer) || read_ssl2(in, &offer))
		check_offer(&offer, &o->hello);
}

static void check_handshakes(struct str in, bool legacy, unsigned cut)
{
	struct outcome whole, pieces;
	shake(contexts[legacy], in, 0, &whole);
	check_outcome(in, legacy, &whole);
	shake(contexts[legacy], in, cut, &pieces);
	check_outcome(in, legacy, &pieces);
	if (whole.fault != pieces.fault || strcmp(whole.err.text, pieces.err.text) != 0) {
		fprintf(stderr, "--- in one segment:\n%s\n--- in several:\n%s\n", whole.err.text,
			pieces.err.text);
		fuzz_check(false, "segments make no difference to what is said");
	}
}

static void check_straight(struct str in, unsigned choices)
{
	struct offer offer = { .version = fuzz_byte(&in) << 8 };
	struct tls_hello hello;
	offer.version |= fuzz_byte(&in);
	offer.sslv2_form = (choices & SSLV2_FORM) != 0;
	offer.ciphers = vector(&in, 1);
	offer.versions = in;
	tls_hello_read(&hello, (uint16_t)offer.version, offer.ciphers, offer.sslv2_form,
		       offer.versions);
	check_hello(&hello, (choices & LEGACY) != 0);
	check_offer(&offer, &hello);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	unsigned choices = fuzz_byte(&in), cut = fuzz_byte(&in);
	if ((choices & STRAIGHT) != 0)
		check_straight(in, choices);
	else
		check_handshakes(in, (choices & LEGACY) != 0, cut);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "common/tls_hello.h"

#include "common/attr.h"

enum {
	SSL2 = 0x0002,
	SSL3 = 0x0300,
	TLS1_1 = 0x0302,
	TLS1_3 = 0x0304,
	CIPHERS_SHOWN = 6
};

/* Bits, so that a set says which kinds a client has. The first is what we can use. */
enum cipher_kind {
	KIND_GOOD = 1 << 0,
	KIND_RC4 = 1 << 1,
	KIND_3DES = 1 << 2,
	KIND_DES = 1 << 3,
	KIND_EXPORT = 1 << 4,
	KIND_NULL = 1 << 5,
	KIND_ANON = 1 << 6,
	KIND_DSS = 1 << 7,
	KIND_OLD = 1 << 8,
	KIND_SSL2 = 1 << 9,
};

static const struct kind_row {
	enum cipher_kind kind;
	const char *words;
} kind_rows[] = {
	{ KIND_RC4, "RC4" },
	{ KIND_3DES, "3DES" },
	{ KIND_DES, "DES" },
	{ KIND_EXPORT, "export ciphers" },
	{ KIND_NULL, "ciphers that encrypt nothing" },
	{ KIND_ANON, "ciphers without a certificate" },
	{ KIND_DSS, "ciphers for DSA certificates" },
	{ KIND_OLD, "IDEA, SEED or Kerberos" },
	{ KIND_SSL2, "SSL 2.0's ciphers" },
};

/* Cipher suites that devices are known to offer, by number (IANA's registry), in OpenSSL's words.
 * One that is not here counts as good: what is new is not why an old device fails. */
static const struct cipher_row {
	uint16_t id;
	enum cipher_kind kind;
	const char *name;
} cipher_rows[] = {
	{ 0x0001, KIND_NULL, "NULL-MD5" },
	{ 0x0002, KIND_NULL, "NULL-SHA" },
	{ 0x0003, KIND_EXPORT, "EXP-RC4-MD5" },
	{ 0x0004, KIND_RC4, "RC4-MD5" },
	{ 0x0005, KIND_RC4, "RC4-SHA" },
	{ 0x0006, KIND_EXPORT, "EXP-RC2-CBC-MD5" },
	{ 0x0007, KIND_OLD, "IDEA-CBC-SHA" },
	{ 0x0008, KIND_EXPORT, "EXP-DES-CBC-SHA" },
	{ 0x0009, KIND_DES, "DES-CBC-SHA" },
	{ 0x000a, KIND_3DES, "DES-CBC3-SHA" },
	{ 0x0011, KIND_EXPORT, "EXP-DHE-DSS-DES-CBC-SHA" },
	{ 0x0012, KIND_DES, "DHE-DSS-DES-CBC-SHA" },
	{ 0x0013, KIND_3DES, "DHE-DSS-DES-CBC3-SHA" },
	{ 0x0014, KIND_EXPORT, "EXP-DHE-RSA-DES-CBC-SHA" },
	{ 0x0015, KIND_DES, "DHE-RSA-DES-CBC-SHA" },
	{ 0x0016, KIND_3DES, "DHE-RSA-DES-CBC3-SHA" },
	{ 0x0017, KIND_EXPORT, "EXP-ADH-RC4-MD5" },
	{ 0x0018, KIND_ANON, "ADH-RC4-MD5" },
	{ 0x0019, KIND_EXPORT, "EXP-ADH-DES-CBC-SHA" },
	{ 0x001a, KIND_ANON, "ADH-DES-CBC-SHA" },
	{ 0x001b, KIND_ANON, "ADH-DES-CBC3-SHA" },
	{ 0x001e, KIND_OLD, "KRB5-DES-CBC-SHA" },
	{ 0x001f, KIND_OLD, "KRB5-DES-CBC3-SHA" },
	{ 0x0020, KIND_OLD, "KRB5-RC4-SHA" },
	{ 0x002f, KIND_GOOD, "AES128-SHA" },
	{ 0x0032, KIND_DSS, "DHE-DSS-AES128-SHA" },
	{ 0x0033, KIND_GOOD, "DHE-RSA-AES128-SHA" },
	{ 0x0034, KIND_ANON, "ADH-AES128-SHA" },
	{ 0x0035, KIND_GOOD, "AES256-SHA" },
	{ 0x0038, KIND_DSS, "DHE-DSS-AES256-SHA" },
	{ 0x0039, KIND_GOOD, "DHE-RSA-AES256-SHA" },
	{ 0x003a, KIND_ANON, "ADH-AES256-SHA" },
	{ 0x003b, KIND_NULL, "NULL-SHA256" },
	{ 0x003c, KIND_GOOD, "AES128-SHA256" },
	{ 0x003d, KIND_GOOD, "AES256-SHA256" },
	{ 0x0040, KIND_DSS, "DHE-DSS-AES128-SHA256" },
	{ 0x0041, KIND_GOOD, "CAMELLIA128-SHA" },
	{ 0x0060, KIND_EXPORT, "EXP1024-RC4-MD5" },
	{ 0x0062, KIND_EXPORT, "EXP1024-DES-CBC-SHA" },
	{ 0x0064, KIND_EXPORT, "EXP1024-RC4-SHA" },
	{ 0x0067, KIND_GOOD, "DHE-RSA-AES128-SHA256" },
	{ 0x006a, KIND_DSS, "DHE-DSS-AES256-SHA256" },
	{ 0x006b, KIND_GOOD, "DHE-RSA-AES256-SHA256" },
	{ 0x0084, KIND_GOOD, "CAMELLIA256-SHA" },
	{ 0x0096, KIND_OLD, "SEED-SHA" },
	{ 0x0099, KIND_OLD, "DHE-DSS-SEED-SHA" },
	{ 0x009a, KIND_OLD, "DHE-RSA-SEED-SHA" },
	{ 0x009c, KIND_GOOD, "AES128-GCM-SHA256" },
	{ 0x009d, KIND_GOOD, "AES256-GCM-SHA384" },
	{ 0x009e, KIND_GOOD, "DHE-RSA-AES128-GCM-SHA256" },
	{ 0x009f, KIND_GOOD, "DHE-RSA-AES256-GCM-SHA384" },
	{ 0x00a2, KIND_DSS, "DHE-DSS-AES128-GCM-SHA256" },
	{ 0x00a3, KIND_DSS, "DHE-DSS-AES256-GCM-SHA384" },
	{ 0x1301, KIND_GOOD, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, KIND_GOOD, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, KIND_GOOD, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0xc002, KIND_RC4, "ECDH-ECDSA-RC4-SHA" },
	{ 0xc007, KIND_RC4, "ECDHE-ECDSA-RC4-SHA" },
	{ 0xc008, KIND_3DES, "ECDHE-ECDSA-DES-CBC3-SHA" },
	{ 0xc009, KIND_GOOD, "ECDHE-ECDSA-AES128-SHA" },
	{ 0xc00a, KIND_GOOD, "ECDHE-ECDSA-AES256-SHA" },
	{ 0xc00c, KIND_RC4, "ECDH-RSA-RC4-SHA" },
	{ 0xc011, KIND_RC4, "ECDHE-RSA-RC4-SHA" },
	{ 0xc012, KIND_3DES, "ECDHE-RSA-DES-CBC3-SHA" },
	{ 0xc013, KIND_GOOD, "ECDHE-RSA-AES128-SHA" },
	{ 0xc014, KIND_GOOD, "ECDHE-RSA-AES256-SHA" },
	{ 0xc016, KIND_ANON, "AECDH-RC4-SHA" },
	{ 0xc017, KIND_ANON, "AECDH-DES-CBC3-SHA" },
	{ 0xc018, KIND_ANON, "AECDH-AES128-SHA" },
	{ 0xc019, KIND_ANON, "AECDH-AES256-SHA" },
	{ 0xc023, KIND_GOOD, "ECDHE-ECDSA-AES128-SHA256" },
	{ 0xc024, KIND_GOOD, "ECDHE-ECDSA-AES256-SHA384" },
	{ 0xc027, KIND_GOOD, "ECDHE-RSA-AES128-SHA256" },
	{ 0xc028, KIND_GOOD, "ECDHE-RSA-AES256-SHA384" },
	{ 0xc02b, KIND_GOOD, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ 0xc02c, KIND_GOOD, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ 0xc02f, KIND_GOOD, "ECDHE-RSA-AES128-GCM-SHA256" },
	{ 0xc030, KIND_GOOD, "ECDHE-RSA-AES256-GCM-SHA384" },
	{ 0xcca8, KIND_GOOD, "ECDHE-RSA-CHACHA20-POLY1305" },
	{ 0xcca9, KIND_GOOD, "ECDHE-ECDSA-CHACHA20-POLY1305" },
	{ 0xfefe, KIND_DES, "SSL-RSA-FIPS-WITH-DES-CBC-SHA" },
	{ 0xfeff, KIND_3DES, "SSL-RSA-FIPS-WITH-3DES-EDE-CBC-SHA" },
};

static const struct fault_row {
	const char *remedy;
} fault_rows[TLS_FAULT_COUNT] = {
	[TLS_FAULT_NONE] = { "" },
	[TLS_FAULT_SSL] = { "turn TLS off on the device" },
	[TLS_FAULT_CIPHERS] = { "turn TLS off on the device" },
	[TLS_FAULT_LEGACY] = { "set tls_profile = \"legacy\" for it" },
};

static unsigned u16(struct str s, size_t at)
{
	return (unsigned)(unsigned char)s.p[at] << 8 | (unsigned char)s.p[at + 1];
}

/* Numbers that are no cipher suites: RFC 5746 3.3, RFC 7507, and RFC 8701's noise. */
static bool is_signal(unsigned id)
{
	return id == 0x00ff || id == 0x5600 || ((id & 0x0f0f) == 0x0a0a && id >> 8 == (id & 0xff));
}

static const struct cipher_row *find_cipher(unsigned id)
{
	for (size_t i = 0; i < ARRAY_LEN(cipher_rows); i++)
		if (cipher_rows[i].id == id)
			return &cipher_rows[i];
	return NULL;
}

static void add_cipher(struct tls_hello *hello, unsigned id)
{
	const struct cipher_row *row = find_cipher(id);
	if (is_signal(id))
		return;
	hello->kinds |= row != NULL ? row->kind : KIND_GOOD;
	hello->total++;
	if (hello->count < TLS_HELLO_CIPHERS)
		hello->ciphers[hello->count++] = (uint16_t)id;
}

/* RFC 8446 4.2.1: a byte with the list's length, then versions; noise of RFC 8701 among them. */
static void read_versions(struct tls_hello *hello, struct str versions)
{
	for (size_t i = 1; i + 1 < versions.n; i += 2) {
		unsigned version = u16(versions, i);
		if (version >= SSL3 && version <= TLS1_3 && version > hello->version)
			hello->version = (uint16_t)version;
	}
}

void tls_hello_read(struct tls_hello *hello, uint16_t version, struct str ciphers, bool sslv2_form,
		    struct str versions)
{
	*hello = (struct tls_hello){ .seen = true, .version = version };
	/* A client that speaks 1.3 says 1.2 in the old field (RFC 8446 4.1.2); one that says more
	 * there means "the newest you have". */
	if (hello->version > TLS1_3)
		hello->version = TLS1_3;
	read_versions(hello, versions);
	size_t width = sslv2_form ? 3 : 2;
	for (size_t i = 0; i + width <= ciphers.n; i += width) {
		if (sslv2_form && ciphers.p[i] != 0)
			hello->kinds |= KIND_SSL2;
		else
			add_cipher(hello, u16(ciphers, i + width - 2));
	}
}

enum tls_fault tls_hello_fault(const struct tls_hello *hello, bool legacy)
{
	if (!hello->seen)
		return TLS_FAULT_NONE;
	if (hello->version <= SSL3)
		return TLS_FAULT_SSL;
	if (hello->kinds != 0 && (hello->kinds & KIND_GOOD) == 0)
		return TLS_FAULT_CIPHERS;
	return hello->version <= TLS1_1 && !legacy ? TLS_FAULT_LEGACY : TLS_FAULT_NONE;
}

static void append_version(struct strbuf *out, unsigned version)
{
	if (version == SSL2)
		strbuf_adds(out, "SSL 2.0");
	else if (version <= SSL3)
		strbuf_adds(out, "SSL 3.0");
	else
		strbuf_addf(out, "TLS 1.%u", (version & 0xff) - 1);
}

/* "RC4, 3DES and DES" */
static void append_kinds(struct strbuf *out, unsigned kinds)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_rows); i++) {
		unsigned bit = kind_rows[i].kind;
		if ((kinds & bit) == 0)
			continue;
		bool last = (kinds & ~(2 * bit - 1)) == 0;
		bool first = (kinds & (bit - 1)) == 0;
		strbuf_adds(out, first ? "" : last ? " and " : ", ");
		strbuf_adds(out, kind_rows[i].words);
	}
}

static void append_ciphers(struct strbuf *out, const struct tls_hello *hello)
{
	size_t shown = hello->count < CIPHERS_SHOWN ? hello->count : CIPHERS_SHOWN;
	for (size_t i = 0; i < shown; i++) {
		const struct cipher_row *row = find_cipher(hello->ciphers[i]);
		strbuf_adds(out, i != 0 ? ", " : "");
		if (row != NULL)
			strbuf_adds(out, row->name);
		else
			strbuf_addf(out, "0x%04X", hello->ciphers[i]);
	}
	if (shown == 0)
		strbuf_adds(out, "no cipher");
	if (hello->total > shown)
		strbuf_addf(out, " and %zu more", hello->total - shown);
}

void tls_hello_append(struct strbuf *out, const struct tls_hello *hello, enum tls_fault fault)
{
	strbuf_adds(out, "offers ");
	if (fault == TLS_FAULT_CIPHERS) {
		strbuf_adds(out, "only ");
		append_kinds(out, hello->kinds);
		strbuf_adds(out, " (");
		append_version(out, hello->version);
		strbuf_adds(out, " at most; ");
	} else {
		append_version(out, hello->version);
		strbuf_adds(out, " at most (");
	}
	append_ciphers(out, hello);
	strbuf_addc(out, ')');
}

const char *tls_fault_remedy(enum tls_fault fault)
{
	return fault_rows[fault].remedy;
}

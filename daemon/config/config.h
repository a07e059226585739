/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_CONFIG_H
#define OAUTHRELAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"
#include "common/netaddr.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "common/units.h"
#include "config/quirk.h"

/*
 * The configuration as the program uses it: read only, checked, with defaults and provider presets
 * filled in. What keys exist, their types, ranges, defaults and help are rows of config/schema.c;
 * reading them is config/load.c; rules between keys are config/check.c.
 *
 * A configuration is shared and counted: a session keeps the one it began with, a reload makes a
 * new one. Reference counting is for the loop's thread; config_load() may run on any thread, since
 * it touches nothing but files and its result.
 *
 * Strings are never NULL unless the comment says so; durations are milliseconds, sizes bytes.
 */

enum listener_tls {
	LISTENER_TLS_NONE,
	LISTENER_TLS_STARTTLS,
	LISTENER_TLS_IMPLICIT, /* TLS from the first byte on */
	LISTENER_TLS_AUTO,     /* the first byte tells; plain clients are offered STARTTLS */
};

/* Which TLS a device may use: modern is 1.2 and up; legacy adds 1.0 and 1.1 with AES-CBC-SHA. */
enum tls_profile {
	TLS_PROFILE_MODERN,
	TLS_PROFILE_LEGACY,
	TLS_PROFILE_COUNT
};

enum transcript_rule {
	TRANSCRIPT_NONE,
	TRANSCRIPT_FAILED,
	TRANSCRIPT_ALL
};

/* Ordered: the stricter is the larger (design.md section 4, "Who may send"). */
enum auth_rule {
	AUTH_RULE_NONE,
	AUTH_RULE_ANY_PASSWORD,
	AUTH_RULE_REQUIRED
};

enum sender_rule {
	SENDER_KEEP,
	SENDER_REWRITE
};

enum upstream_tls {
	UPSTREAM_TLS_NONE,
	UPSTREAM_TLS_STARTTLS
};

enum upstream_auth {
	UPSTREAM_AUTH_NONE,
	UPSTREAM_AUTH_XOAUTH2
};

/* How an account gets its tokens (RFC 6749; microsoft365.md 4.1 and 4.7). */
enum account_grant {
	GRANT_CLIENT_CREDENTIALS,
	GRANT_DELEGATED, /* somebody signs in once; then by refresh tokens */
	GRANT_MANAGED_IDENTITY,
	GRANT_FEDERATED, /* client credentials, with another issuer's assertion out of a file */
};

/* Whose managed identity endpoint this is: the two differ in more than the address. */
enum identity_host {
	IDENTITY_AZURE_VM,  /* IMDS */
	IDENTITY_AZURE_ARC, /* a server of one's own that Arc has taken in: proves itself by a file
			     */
};

enum assertion_algorithm {
	ASSERTION_PS256,
	ASSERTION_RS256
};

/* Which digest of the certificate an assertion names it by. */
enum assertion_thumbprint {
	THUMBPRINT_SHA256, /* x5t#S256 */
	THUMBPRINT_SHA1	   /* x5t */
};

enum uncertain_rule {
	UNCERTAIN_RETRY,
	UNCERTAIN_HOLD
};

struct config_strings {
	char **v;
	size_t n;
};

struct listener_config {
	char *address; /* as written */
	struct endpoint endpoint;
	enum listener_tls tls;
	enum auth_rule auth;
};

struct device_config {
	char *name;
	char *address; /* as written */
	struct network network;
	char *account; /* NULL: the only account */
	enum auth_rule auth;
	bool cleartext_auth;
	enum tls_profile tls_profile;
	unsigned quirks;		  /* bits of enum quirk */
	struct config_strings senders;	  /* patterns; none: any */
	struct config_strings recipients; /* patterns; none: any */
	struct units_rate hold_above;	  /* count 0: not set */
	/* At once, from all its addresses, instead of limits.connections_per_address; 0: unset */
	uint64_t connections;
};

/* One of the ways an application proves who it is: a secret, or a certificate with its key. */
struct credential_config {
	char *secret_ref; /* as written; "": it is a certificate */
	struct secret secret;
	char *certificate; /* PEM file; "": it is a secret */
	char *key_ref;	   /* as written; "": the key lies in the certificate's file */
	struct secret key; /* PEM text */
	char *certificate_pem;
	enum assertion_algorithm algorithm;
	enum assertion_thumbprint thumbprint;
	char *expires;	    /* as written: "2027-05-01"; "" */
	int64_t expires_ms; /* wall clock; a certificate's own notAfter; 0: not known */
};

/* How to get out to the token endpoint. */
struct proxy_config {
	char *tokens; /* as http_proxy_parse() takes it; "" and "none": straight */
	char *password_ref;
	struct secret password;
};

struct account_limits {
	uint64_t connections;
	uint64_t per_minute;
	uint64_t recipients;   /* in one message */
	uint64_t message_size; /* as sent */
};

struct account_config {
	char *name;
	char *provider;
	char *mailbox; /* "" for a provider that has none */
	char *login;   /* the XOAUTH2 user; the mailbox unless set */
	char *tenant;
	char *client_id;
	char *client_secret_ref; /* short for one of credentials; as written, "" */
	enum account_grant grant;
	/* In the order in which they are tried; none for a public client, a managed identity and a
	 * federated one. */
	struct credential_config *credentials;
	size_t credential_count;
	char *assertion_file; /* GRANT_FEDERATED */
	enum identity_host identity_host;
	char *identity_endpoint;  /* GRANT_MANAGED_IDENTITY: the whole URL without its query */
	char *redirect_uri;	  /* of a confidential web client; "": loopback */
	int64_t secret_lifetime;  /* assumed for a secret without `expires` */
	int64_t sign_in_lifetime; /* a refresh token ends when unused for so long; 0: not known */
	int64_t token_margin;	  /* the host refuses tokens that end sooner than this */
	enum sender_rule sender;
	struct config_strings send_as; /* patterns: a@b.c, contoso.com, *.contoso.com */
	char *host;
	uint64_t port;
	enum upstream_tls tls;
	enum upstream_auth auth;
	char *token_endpoint; /* complete URLs, tenant filled in */
	char *authorization_endpoint;
	char *device_endpoint;
	char *authority; /* "" where the provider has none */
	char *scope;
	char *ca_file;		   /* "": the system's */
	struct proxy_config proxy; /* the account's own, else the relay's */
	struct account_limits limits;
};

struct inbound_limits {
	uint64_t connections;
	uint64_t connections_per_address;
	uint64_t recipients;
	uint64_t message_size;
	uint64_t header_size;
	uint64_t line_length;
	uint64_t auth_line; /* answer to AUTH */
	uint64_t errors;
	uint64_t received;	 /* Received fields in a message */
	uint64_t messages;	 /* coming in at once */
	uint64_t unread_replies; /* bytes */
	uint64_t data_rate;	 /* bytes a second */
	int64_t command_timeout;
	int64_t data_timeout;
	int64_t tls_timeout;	/* for a handshake */
	int64_t auto_wait;	/* for the first byte, on a listener with tls = "auto" */
	uint64_t failed_logins; /* in one session */
	uint64_t lock_after;	/* failed logins of an address, or for a user */
	int64_t lock_time;
	uint64_t lock_table;  /* addresses, and as many names, whose failures are counted */
	uint64_t login_cache; /* logins remembered */
	int64_t login_cache_time;
	uint64_t tls_sessions; /* kept for resumption, each listener */
	uint64_t known_addresses;
	uint64_t transcripts; /* kept for each address */
	uint64_t transcript_size;
	uint64_t transcript_memory; /* of all together */
	uint64_t log_rate;	    /* lines a second about one address */
};

struct queue_config {
	char *path;
	int64_t lifetime;
	int64_t retry_first;
	int64_t retry_max;
	uint64_t min_free;
	int64_t recipients;
	enum uncertain_rule on_uncertain;
};

struct config {
	unsigned refs;
	char *path; /* the file it came from */
	char *hostname;
	char *default_domain; /* "": bare names are refused */
	char *postmaster;
	char *state_dir;
	char *users_file;
	char *seal_key_ref; /* "": see common/seal_key.h */
	struct proxy_config proxy;
	char *tls_certificate; /* "": self-signed, made at first start in state_dir */
	char *tls_key;
	struct listener_config *listeners;
	size_t listener_count;
	struct network *allow;
	size_t allow_count;
	struct device_config *devices;
	size_t device_count;
	struct account_config *accounts;
	size_t account_count;
	struct inbound_limits limits;
	struct queue_config queue;
	char *admin_socket;
	enum log_level log_level;
	enum transcript_rule transcript;
};

/* Everything wrong and everything doubtful that was found, one finding a line, in file order:
 * "/etc/oauthrelay/oauthrelay.conf:12: unknown key "mailbx"; did you mean "mailbox"?" */
struct config_report {
	struct strbuf errors;
	struct strbuf warnings;
	size_t error_count;
	size_t warning_count;
};

void config_report_init(struct config_report *report);
void config_report_done(struct config_report *report);

/* NULL when report has errors. The caller owns one reference. Reads the file, the files its
 * secrets name, the certificate; makes nothing. */
struct config *config_load(const char *path, struct config_report *report);
/* The same for a command: what only the service can see, systemd's credentials, is a warning and
 * stays empty. */
struct config *config_load_by_hand(const char *path, struct config_report *report);
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL allowed */

/* Accounts, names and paths as far as the file can be read: unchecked, without secrets, for
 * commands that must work while something is wrong. NULL: it cannot be parsed. The caller owns it.
 */
struct config *config_peek(const char *path, struct err *err) MUST_CHECK;

/* Where the control socket is, as far as the file can be read: its default otherwise. For those who
 * want to talk to the daemon and may read neither the file nor its secrets. Caller frees. */
char *config_peek_socket(const char *path);

/* NULL when there is none. */
const struct account_config *config_account(const struct config *config, const char *name);
/* The device of that name, or NULL. */
const struct device_config *config_device_named(const struct config *config, struct str name);
/* The most specific device that contains addr, or NULL. */
const struct device_config *config_device(const struct config *config, const struct netaddr *addr);
/* In `allow` or a device. */
bool config_admits(const struct config *config, const struct netaddr *addr);
/* True when the address (local@domain) matches one of the patterns: a@b.c, b.c, *.b.c; domains and,
 * as Exchange does, local parts without regard to case. */
bool config_pattern_matches(const struct config_strings *patterns, struct str address);

#endif

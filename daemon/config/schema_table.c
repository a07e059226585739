/* SPDX-License-Identifier: MIT */
/* The rows. What a column means is said in schema.h. */
#include "common/attr.h"
#include "config/config.h"
#include "config/schema.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	NAME_LENGTH = 64,
	TEXT_LENGTH = 1024,
	KIB = 1024,
	MIB = 1024 * KIB,
};

#define DAY INT64_C(86400000)
#define GIB INT64_C(1073741824)

static const char *const listener_tls_names[] = { "none", "starttls", "implicit", "auto", NULL };
static const char *const tls_profile_names[] = { "modern", "legacy", NULL };
static const char *const transcript_names[] = { "none", "failed", "all", NULL };
static const char *const auth_rule_names[] = { "none", "accept-any-password", "required", NULL };
static const char *const sender_names[] = { "keep", "rewrite", NULL };
static const char *const upstream_tls_names[] = { "none", "starttls", NULL };
static const char *const upstream_auth_names[] = { "none", "xoauth2", NULL };
static const char *const grant_names[] = { "client_credentials", "delegated", "managed_identity",
					   "federated", NULL };
static const char *const identity_names[] = { "azure-vm", "azure-arc", NULL };
static const char *const algorithm_names[] = { "PS256", "RS256", NULL };
static const char *const thumbprint_names[] = { "sha256", "sha1", NULL };
static const char *const uncertain_names[] = { "retry", "hold", NULL };
static const char *const level_names[] = { "debug", "info", "warning", "error", NULL };

const struct schema_section schema_sections[] = {
	{ "", SCHEMA_IN_CONFIG, false, "the relay as a whole" },
	{ "tls", SCHEMA_IN_CONFIG, false, "the certificate that devices see" },
	{ "limits", SCHEMA_IN_CONFIG, false, "what one device may ask of the relay" },
	{ "queue", SCHEMA_IN_CONFIG, false, "mail that waits" },
	{ "queue.retry", SCHEMA_IN_CONFIG, false, "the pauses between attempts, which double" },
	{ "proxy", SCHEMA_IN_CONFIG, false, "the way out to whoever gives tokens" },
	{ "admin", SCHEMA_IN_CONFIG, false, "how the command line reaches the running relay" },
	{ "log", SCHEMA_IN_CONFIG, false, "the log on stderr" },
	{ "listeners", SCHEMA_IN_LISTENER, true, "where devices connect" },
	{ "devices", SCHEMA_IN_DEVICE, true, "who connects, where `allow` does not say enough" },
	{ "accounts", SCHEMA_IN_ACCOUNT, true, "where mail goes on to" },
	{ "accounts.limits", SCHEMA_IN_ACCOUNT, false, "what the mailbox at its host is good for" },
	{ "accounts.proxy", SCHEMA_IN_ACCOUNT, false, "its own way out, instead of the relay's" },
	{ "accounts.credentials", SCHEMA_IN_CREDENTIAL, true,
	  "what the application shows, in order" },
};
const size_t schema_section_count = ARRAY_LEN(schema_sections);

#define TOP(member)	   offsetof(struct config, member)
#define LISTENER(member)   offsetof(struct listener_config, member)
#define DEVICE(member)	   offsetof(struct device_config, member)
#define ACCOUNT(member)	   offsetof(struct account_config, member)
#define CREDENTIAL(member) offsetof(struct credential_config, member)

#define DEF(text)	 .def = (text)
#define UNSET(words)	 .unset = (words)
#define REQUIRED	 .required = true, .unset = "none, it must be set"
#define NAMES(list)	 .names = (list)
#define RANGE(low, high) .min = (low), .max = (high)
#define LENGTH(bytes)	 .max = (bytes)
#define RELOAD		 .reload = true
#define HELP(text)	 .help = (text)

const struct schema_key schema_keys[] = {
	/* the relay as a whole */
	{ "", "hostname", SCHEMA_STRING, TOP(hostname), UNSET("the machine's full name"),
	  LENGTH(255), RELOAD, HELP("the relay's name in its banner, EHLO and Received lines") },
	{ "", "default_domain", SCHEMA_STRING, TOP(default_domain),
	  UNSET("none: a bare name is refused"), LENGTH(255), RELOAD,
	  HELP("completes addresses that are a bare name, such as root or scan") },
	{ "", "postmaster", SCHEMA_STRING, TOP(postmaster), REQUIRED, LENGTH(320), RELOAD,
	  HELP("who reads what nobody else would, such as mail to postmaster") },
	{ "", "state_dir", SCHEMA_PATH, TOP(state_dir), DEF("/var/lib/oauthrelay"),
	  LENGTH(TEXT_LENGTH),
	  HELP("folder for the users file and the certificate made at first start") },
	{ "", "users_file", SCHEMA_PATH, TOP(users_file), UNSET("\"users\" in state_dir"),
	  LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("who may log in: lines of name:hash, the hash as crypt(3) makes it") },
	{ "", "seal_key", SCHEMA_SECRET, TOP(seal_key_ref),
	  UNSET("the credential seal.key, else the file seal.key in state_dir"),
	  LENGTH(TEXT_LENGTH),
	  HELP("what seals the tokens kept in state_dir: \"credential:NAME\" or \"file:/path\"") },
	{ "", "listen", SCHEMA_LISTEN, TOP(listeners), UNSET("none"),
	  HELP("addresses with ports; short for listeners with tls = \"starttls\"") },
	{ "", "allow", SCHEMA_NETWORKS, TOP(allow), UNSET("nobody"), RELOAD,
	  HELP("addresses and networks that may send without logging in") },

	/* tls */
	{ "tls", "certificate", SCHEMA_PATH, TOP(tls_certificate),
	  UNSET("self-signed, made at first start"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("PEM file: the certificate and what leads to its authority") },
	{ "tls", "key", SCHEMA_PATH, TOP(tls_key), UNSET("made with the certificate"),
	  LENGTH(TEXT_LENGTH), RELOAD, HELP("PEM file: the certificate's private key") },

	/* limits */
	{ "limits", "connections", SCHEMA_NUMBER, TOP(limits.connections), DEF("10000"),
	  RANGE(1, 100000), RELOAD, HELP("connections at once, from everybody") },
	{ "limits", "connections_per_address", SCHEMA_NUMBER, TOP(limits.connections_per_address),
	  DEF("50"), RANGE(1, 100000), RELOAD, HELP("connections at once from one address") },
	{ "limits", "recipients", SCHEMA_NUMBER, TOP(limits.recipients), DEF("500"),
	  RANGE(1, 10000), RELOAD, HELP("recipients of one message") },
	{ "limits", "message_size", SCHEMA_SIZE, TOP(limits.message_size), DEF("150M"),
	  RANGE(1024, 2 * GIB), RELOAD,
	  HELP("largest message; an account's own limit may be lower") },
	{ "limits", "header_size", SCHEMA_SIZE, TOP(limits.header_size), DEF("256K"),
	  RANGE(8 * KIB, MIB), RELOAD,
	  HELP("largest header of a message; it is edited in memory") },
	{ "limits", "line_length", SCHEMA_NUMBER, TOP(limits.line_length), DEF("2048"),
	  RANGE(1000, 65536), RELOAD, HELP("longest command line in bytes, without its CR LF") },
	{ "limits", "auth_line", SCHEMA_NUMBER, TOP(limits.auth_line), DEF("12288"),
	  RANGE(1024, 65536), RELOAD, HELP("longest line of a login, in bytes") },
	{ "limits", "errors", SCHEMA_NUMBER, TOP(limits.errors), DEF("20"), RANGE(1, 10000), RELOAD,
	  HELP("refused commands after which a session is ended") },
	{ "limits", "command_timeout", SCHEMA_DURATION, TOP(limits.command_timeout), DEF("5m"),
	  RANGE(100, HOUR), RELOAD, HELP("how long a device may be silent between commands") },
	{ "limits", "data_timeout", SCHEMA_DURATION, TOP(limits.data_timeout), DEF("5m"),
	  RANGE(100, HOUR), RELOAD, HELP("how long a device may be silent inside a message") },
	{ "limits", "data_rate", SCHEMA_NUMBER, TOP(limits.data_rate), DEF("50"), RANGE(0, 1048576),
	  RELOAD, HELP("bytes a second a message must bring on average, over data_timeout") },
	{ "limits", "tls_timeout", SCHEMA_DURATION, TOP(limits.tls_timeout), DEF("30s"),
	  RANGE(100, 10 * MINUTE), RELOAD, HELP("how long a TLS handshake may take") },
	{ "limits", "auto_wait", SCHEMA_DURATION, TOP(limits.auto_wait), DEF("1s"),
	  RANGE(10, MINUTE), RELOAD,
	  HELP("how long tls = \"auto\" waits for TLS before it greets in clear text") },
	{ "limits", "received", SCHEMA_NUMBER, TOP(limits.received), DEF("50"), RANGE(10, 1000),
	  RELOAD, HELP("Received fields after which a message is taken for a loop") },
	{ "limits", "messages", SCHEMA_NUMBER, TOP(limits.messages), DEF("1000"), RANGE(1, 1000),
	  RELOAD, HELP("messages coming in at once, from everybody") },
	{ "limits", "unread_replies", SCHEMA_SIZE, TOP(limits.unread_replies), DEF("64K"),
	  RANGE(KIB, MIB), RELOAD,
	  HELP("replies a client may leave unread before it is read from no more") },
	{ "limits", "failed_logins", SCHEMA_NUMBER, TOP(limits.failed_logins), DEF("3"),
	  RANGE(1, 100), RELOAD, HELP("failed logins after which a session is ended") },
	{ "limits", "lock_after", SCHEMA_NUMBER, TOP(limits.lock_after), DEF("10"), RANGE(1, 10000),
	  RELOAD,
	  HELP("failed logins after which an address, or a user, is locked for lock_time") },
	{ "limits", "lock_time", SCHEMA_DURATION, TOP(limits.lock_time), DEF("15m"),
	  RANGE(100, DAY), RELOAD, HELP("how long a lock lasts, and a failed login counts") },
	{ "limits", "lock_table", SCHEMA_NUMBER, TOP(limits.lock_table), DEF("4096"),
	  RANGE(16, 100000), RELOAD,
	  HELP("addresses, and as many user names, whose failed logins are counted") },
	{ "limits", "login_cache", SCHEMA_NUMBER, TOP(limits.login_cache), DEF("1000"),
	  RANGE(0, 100000), RELOAD,
	  HELP("successful logins remembered, so that they cost nothing") },
	{ "limits", "login_cache_time", SCHEMA_DURATION, TOP(limits.login_cache_time), DEF("1h"),
	  RANGE(0, DAY), RELOAD,
	  HELP("how long each is remembered after its last use; 0: not at all") },
	{ "limits", "tls_sessions", SCHEMA_NUMBER, TOP(limits.tls_sessions), DEF("1000"),
	  RANGE(1, 100000), RELOAD, HELP("TLS sessions a listener keeps for resumption") },
	{ "limits", "known_addresses", SCHEMA_NUMBER, TOP(limits.known_addresses), DEF("4096"),
	  RANGE(16, 100000), RELOAD,
	  HELP("addresses `device list` remembers; the one not heard of longest goes first") },
	{ "limits", "transcripts", SCHEMA_NUMBER, TOP(limits.transcripts), DEF("5"), RANGE(1, 100),
	  RELOAD, HELP("sessions of an address whose transcripts are kept") },
	{ "limits", "transcript_size", SCHEMA_SIZE, TOP(limits.transcript_size), DEF("8K"),
	  RANGE(KIB, MIB), RELOAD, HELP("longest transcript of a session") },
	{ "limits", "transcript_memory", SCHEMA_SIZE, TOP(limits.transcript_memory), DEF("16M"),
	  RANGE(64 * KIB, GIB), RELOAD,
	  HELP("memory for the transcripts of ended sessions; the oldest go, strangers' first") },
	{ "limits", "log_rate", SCHEMA_NUMBER, TOP(limits.log_rate), DEF("10"), RANGE(1, 10000),
	  RELOAD, HELP("lines a second logged about one address; the rest are counted") },

	/* queue */
	{ "queue", "path", SCHEMA_PATH, TOP(queue.path), DEF("/var/spool/oauthrelay"),
	  LENGTH(TEXT_LENGTH), HELP("folder for the messages") },
	{ "queue", "lifetime", SCHEMA_DURATION, TOP(queue.lifetime), DEF("5d"),
	  RANGE(SECOND, 60 * DAY), RELOAD,
	  HELP("how long delivery is tried; time with its account held does not count") },
	{ "queue", "min_free", SCHEMA_SIZE, TOP(queue.min_free), DEF("500M"), RANGE(0, 1024 * GIB),
	  HELP("room to leave on the queue's file system; below it new mail is put off") },
	{ "queue", "recipients", SCHEMA_NUMBER, TOP(queue.recipients), DEF("500000"),
	  RANGE(1, 100000000), RELOAD,
	  HELP("recipients of all mail in the queue, which are in memory; then new mail is put off") },
	{ "queue", "on_uncertain", SCHEMA_ENUM, TOP(queue.on_uncertain), DEF("retry"),
	  NAMES(uncertain_names), RELOAD,
	  HELP("mail whose acceptance was not heard: retry (may arrive twice) or hold it") },
	{ "queue.retry", "first", SCHEMA_DURATION, TOP(queue.retry_first), DEF("1m"),
	  RANGE(10, DAY), RELOAD, HELP("pause before the second attempt") },
	{ "queue.retry", "max", SCHEMA_DURATION, TOP(queue.retry_max), DEF("1h"), RANGE(10, DAY),
	  RELOAD, HELP("longest pause between attempts") },

	/* proxy */
	{ "proxy", "tokens", SCHEMA_STRING, TOP(proxy.tokens), UNSET("none: straight"),
	  LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("\"http://[user@]host:port\" or \"socks5h://[user@]host:port\" for the requests for "
	       "tokens; the environment is never asked") },
	{ "proxy", "password", SCHEMA_SECRET, TOP(proxy.password_ref), UNSET("none"), LENGTH(4096),
	  RELOAD, HELP("the proxy's password, written as client_secret is") },

	/* admin, log */
	{ "admin", "socket", SCHEMA_PATH, TOP(admin_socket), DEF("/run/oauthrelay/control.sock"),
	  LENGTH(107), /* sun_path of unix(7) */
	  HELP("the control socket; whoever may write to it may ask the relay") },
	{ "log", "level", SCHEMA_ENUM, TOP(log_level), DEF("info"), NAMES(level_names), RELOAD,
	  HELP("what is logged: this and everything worse") },
	{ "log", "transcript", SCHEMA_ENUM, TOP(transcript), DEF("failed"), NAMES(transcript_names),
	  RELOAD,
	  HELP("which sessions `device transcript` can show; passwords are never in them") },

	/* listeners */
	{ "listeners", "address", SCHEMA_STRING, LISTENER(address), REQUIRED, LENGTH(NAME_LENGTH),
	  HELP("address and port, as 0.0.0.0:25 or [::]:25") },
	{ "listeners", "tls", SCHEMA_ENUM, LISTENER(tls), DEF("starttls"),
	  NAMES(listener_tls_names),
	  HELP("starttls offers it, implicit begins with it, auto takes both, none has none") },
	{ "listeners", "auth", SCHEMA_ENUM, LISTENER(auth), DEF("none"), NAMES(auth_rule_names),
	  HELP("what a session must show: nothing, any login, or one of users_file") },

	/* devices */
	{ "devices", "name", SCHEMA_STRING, DEVICE(name), REQUIRED, LENGTH(NAME_LENGTH), RELOAD,
	  HELP("what the log and the queue call it") },
	{ "devices", "address", SCHEMA_STRING, DEVICE(address), REQUIRED, LENGTH(NAME_LENGTH),
	  RELOAD, HELP("its address or network; the most specific device wins") },
	{ "devices", "account", SCHEMA_STRING, DEVICE(account), UNSET("the only account"),
	  LENGTH(NAME_LENGTH), RELOAD, HELP("the account its mail is sent with") },
	{ "devices", "auth", SCHEMA_ENUM, DEVICE(auth), DEF("none"), NAMES(auth_rule_names), RELOAD,
	  HELP("as for a listener; the stricter of the two holds") },
	{ "devices", "cleartext_auth", SCHEMA_BOOL, DEVICE(cleartext_auth), DEF("false"), RELOAD,
	  HELP("true lets it show a real password without encryption") },
	{ "devices", "tls_profile", SCHEMA_ENUM, DEVICE(tls_profile), DEF("modern"),
	  NAMES(tls_profile_names), RELOAD,
	  HELP("legacy admits TLS 1.0 and 1.1, for this device only; modern is 1.2 and up") },
	{ "devices", "quirks", SCHEMA_FLAGS, DEVICE(quirks), UNSET("none"), NAMES(quirk_names),
	  RELOAD, HELP("what this device is forgiven, or not offered:") },
	{ "devices", "senders", SCHEMA_STRINGS, DEVICE(senders), UNSET("any"), LENGTH(320), RELOAD,
	  HELP("who it may send as, in MAIL and in From: a@b.c, b.c or *.b.c") },
	{ "devices", "recipients", SCHEMA_STRINGS, DEVICE(recipients), UNSET("any"), LENGTH(320),
	  RELOAD, HELP("whom it may send to: a@b.c, b.c or *.b.c") },
	{ "devices", "hold_above", SCHEMA_RATE, DEVICE(hold_above), UNSET("no limit"),
	  RANGE(1, 1000000000), RELOAD,
	  HELP("mail above this rate is taken and kept until `device release`, as \"5000/h\"") },
	{ "devices", "connections", SCHEMA_NUMBER, DEVICE(connections),
	  UNSET("limits.connections_per_address"), RANGE(1, 100000), RELOAD,
	  HELP("connections at once, from all addresses of the device together") },

	/* accounts */
	{ "accounts", "name", SCHEMA_STRING, ACCOUNT(name), REQUIRED, LENGTH(NAME_LENGTH), RELOAD,
	  HELP("what the log, the queue and devices call it") },
	{ "accounts", "provider", SCHEMA_STRING, ACCOUNT(provider), REQUIRED, LENGTH(NAME_LENGTH),
	  RELOAD,
	  HELP("presets \"the provider's\" values: microsoft365, microsoft365-hve, "
	       "microsoft365-gcch, microsoft365-dod, microsoft365-china, outlook, gmail, smtp") },
	{ "accounts", "grant", SCHEMA_ENUM, ACCOUNT(grant), UNSET("the provider's"),
	  NAMES(grant_names), RELOAD,
	  HELP("how tokens are got: as an application, by somebody's signing in (`oauthrelay login`), "
	       "by this machine's Azure identity, or with another issuer's assertion") },
	{ "accounts", "mailbox", SCHEMA_STRING, ACCOUNT(mailbox), UNSET("none"), LENGTH(320),
	  RELOAD, HELP("the address mail is sent from") },
	{ "accounts", "login", SCHEMA_STRING, ACCOUNT(login), UNSET("the mailbox"), LENGTH(320),
	  RELOAD, HELP("the XOAUTH2 user, where it is not the mailbox") },
	{ "accounts", "tenant", SCHEMA_STRING, ACCOUNT(tenant), UNSET("none"), LENGTH(255), RELOAD,
	  HELP("directory (tenant) id, or a domain of it: contoso.onmicrosoft.com") },
	{ "accounts", "client_id", SCHEMA_STRING, ACCOUNT(client_id), UNSET("none"), LENGTH(255),
	  RELOAD, HELP("application (client) id of the app registration") },
	{ "accounts", "client_secret", SCHEMA_SECRET, ACCOUNT(client_secret_ref), UNSET("none"),
	  LENGTH(4096), RELOAD,
	  HELP("\"credential:NAME\" (systemd), \"file:/path\", \"env:NAME\", or the value itself; "
	       "short for credentials with one secret") },
	{ "accounts", "assertion_file", SCHEMA_PATH, ACCOUNT(assertion_file), UNSET("none"),
	  LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("grant = \"federated\": the other issuer's token, read anew for each request") },
	{ "accounts", "identity", SCHEMA_ENUM, ACCOUNT(identity_host), DEF("azure-vm"),
	  NAMES(identity_names), RELOAD,
	  HELP("grant = \"managed_identity\": an Azure VM, or a server that Azure Arc has taken in") },
	{ "accounts", "identity_endpoint", SCHEMA_STRING, ACCOUNT(identity_endpoint),
	  UNSET("where that kind of machine has it"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("the full address of the managed identity's tokens, without what follows a ?") },
	{ "accounts", "redirect_uri", SCHEMA_STRING, ACCOUNT(redirect_uri),
	  UNSET("a port of this machine"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("grant = \"delegated\" with a secret: the Web redirect URI of the app registration") },
	{ "accounts", "secret_lifetime", SCHEMA_DURATION, ACCOUNT(secret_lifetime), DEF("180d"),
	  RANGE(DAY, 3650 * DAY), RELOAD,
	  HELP("how long a secret without `expires` is taken to be good, for the warnings") },
	{ "accounts", "sign_in_lifetime", SCHEMA_DURATION, ACCOUNT(sign_in_lifetime),
	  UNSET("the provider's"), RANGE(0, 3650 * DAY), RELOAD,
	  HELP("how long a sign-in lasts that is not used; 0: not known") },
	{ "accounts", "token_margin", SCHEMA_DURATION, ACCOUNT(token_margin),
	  UNSET("the provider's"), RANGE(0, DAY), RELOAD,
	  HELP("a token that ends sooner than this is not used any more") },
	{ "accounts", "sender", SCHEMA_ENUM, ACCOUNT(sender), UNSET("the provider's"),
	  NAMES(sender_names), RELOAD,
	  HELP("rewrite makes every sender the mailbox, keep changes nothing") },
	{ "accounts", "send_as", SCHEMA_STRINGS, ACCOUNT(send_as), UNSET("none"), LENGTH(320),
	  RELOAD,
	  HELP("senders that stay as they are: a@b.c, b.c or *.b.c (needs Send As there)") },
	{ "accounts", "host", SCHEMA_STRING, ACCOUNT(host), UNSET("the provider's"), LENGTH(255),
	  RELOAD, HELP("the server that takes the mail") },
	{ "accounts", "port", SCHEMA_NUMBER, ACCOUNT(port), UNSET("the provider's"),
	  RANGE(1, 65535), RELOAD, HELP("its port") },
	{ "accounts", "tls", SCHEMA_ENUM, ACCOUNT(tls), UNSET("the provider's"),
	  NAMES(upstream_tls_names), RELOAD,
	  HELP("starttls insists on a valid certificate; none is for the LAN") },
	{ "accounts", "auth", SCHEMA_ENUM, ACCOUNT(auth), UNSET("the provider's"),
	  NAMES(upstream_auth_names), RELOAD, HELP("how the relay logs in there") },
	{ "accounts", "authority", SCHEMA_STRING, ACCOUNT(authority), UNSET("the provider's"),
	  LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("who gives tokens, as https://login.microsoftonline.com") },
	{ "accounts", "token_endpoint", SCHEMA_STRING, ACCOUNT(token_endpoint),
	  UNSET("authority/tenant/oauth2/v2.0/token"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("the full address tokens are fetched from") },
	{ "accounts", "authorization_endpoint", SCHEMA_STRING, ACCOUNT(authorization_endpoint),
	  UNSET("authority/tenant/oauth2/v2.0/authorize"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("the full address of the page to sign in on, for `oauthrelay login --browser`; "
	       "parameters in it go before the relay's own: ?access_type=offline&prompt=consent") },
	{ "accounts", "device_endpoint", SCHEMA_STRING, ACCOUNT(device_endpoint),
	  UNSET("authority/tenant/oauth2/v2.0/devicecode"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("the full address of device codes, for `oauthrelay login`") },
	{ "accounts", "scope", SCHEMA_STRING, ACCOUNT(scope), UNSET("the provider's"),
	  LENGTH(TEXT_LENGTH), RELOAD, HELP("what the token is asked for") },
	{ "accounts", "ca_file", SCHEMA_PATH, ACCOUNT(ca_file), UNSET("the system's authorities"),
	  LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("PEM file of authorities to trust, for the server and the token endpoint") },
	{ "accounts.limits", "connections", SCHEMA_NUMBER, ACCOUNT(limits.connections),
	  UNSET("the provider's"), RANGE(1, 100), RELOAD, HELP("connections at once to its host") },
	{ "accounts.limits", "per_minute", SCHEMA_NUMBER, ACCOUNT(limits.per_minute),
	  UNSET("the provider's"), RANGE(1, 1000000), RELOAD,
	  HELP("messages in any sixty seconds") },
	{ "accounts.limits", "recipients", SCHEMA_NUMBER, ACCOUNT(limits.recipients),
	  UNSET("the provider's"), RANGE(1, 10000), RELOAD,
	  HELP("recipients in one message; more are sent in several") },
	{ "accounts.limits", "message_size", SCHEMA_SIZE, ACCOUNT(limits.message_size),
	  UNSET("the provider's"), RANGE(1024, 2 * GIB), RELOAD, HELP("largest message, as sent") },
	{ "accounts.proxy", "tokens", SCHEMA_STRING, ACCOUNT(proxy.tokens),
	  UNSET("the relay's proxy"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("as the relay's own; \"none\" goes straight where the relay does not") },
	{ "accounts.proxy", "password", SCHEMA_SECRET, ACCOUNT(proxy.password_ref), UNSET("none"),
	  LENGTH(4096), RELOAD, HELP("the password of this proxy") },

	/* credentials of an account */
	{ "accounts.credentials", "secret", SCHEMA_SECRET, CREDENTIAL(secret_ref), UNSET("none"),
	  LENGTH(4096), RELOAD,
	  HELP("the client secret: \"credential:NAME\", \"file:/path\", \"env:NAME\", or its value") },
	{ "accounts.credentials", "certificate", SCHEMA_PATH, CREDENTIAL(certificate),
	  UNSET("none"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("instead of a secret: PEM file of the certificate uploaded to the app registration") },
	{ "accounts.credentials", "key", SCHEMA_SECRET, CREDENTIAL(key_ref),
	  UNSET("in the certificate's file"), LENGTH(TEXT_LENGTH), RELOAD,
	  HELP("the certificate's private key, in PEM: \"file:/path\" or \"credential:NAME\"") },
	{ "accounts.credentials", "algorithm", SCHEMA_ENUM, CREDENTIAL(algorithm), DEF("PS256"),
	  NAMES(algorithm_names), RELOAD, HELP("how the key signs") },
	{ "accounts.credentials", "thumbprint", SCHEMA_ENUM, CREDENTIAL(thumbprint), DEF("sha256"),
	  NAMES(thumbprint_names), RELOAD, HELP("which digest the certificate is named by") },
	{ "accounts.credentials", "expires", SCHEMA_DATE, CREDENTIAL(expires), UNSET("not known"),
	  RELOAD,
	  HELP("the last day of a secret, for warnings in time; a certificate says its own") },
};
const size_t schema_key_count = ARRAY_LEN(schema_keys);

/* SPDX-License-Identifier: MIT */
#include "oauth/expiry.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attr.h"
#include "common/mem.h"
#include "config/provider.h"
#include "config/remedy.h"

static const int64_t hour_ms = INT64_C(3600) * 1000;
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static const int64_t plausible_ms = INT64_C(1767225600) * 1000; /* 2026-01-01 */

bool expiry_clock_is_set(int64_t now_ms)
{
	return now_ms >= plausible_ms;
}

/* Days before the end at which somebody is warned; level n has passed the first n of them. */
static const int thresholds[] = { EXPIRY_NEAR_DAYS, 14, 7, EXPIRY_URGENT_DAYS, 1 };
enum {
	LEVEL_ENDED = ARRAY_LEN(thresholds) + 1
};

struct expiry_told {
	enum expiry_what what;
	char label[64];
	int64_t ends_ms;
	size_t level;
	bool seen; /* in the list of this look */
};

static const char sign_in_remedy[] =
	"run `oauthrelay login {account}`: the sign-in ends because it has not been renewed for "
	"long; `oauthrelay status` says what keeps the relay from it";

static const struct {
	const char *name;
	const char *microsoft;
	const char *other;
} kinds[] = {
	[EXPIRY_SECRET] = {
		"secret",
		"make a new client secret (Entra admin center > App registrations > All "
		"applications > {client_id} > Certificates & secrets > New client secret), then "
		"run `oauthrelay account secret {account}` and give it the secret's Value; the "
		"old one stays in use until the new one has proved itself",
		"make a new client secret for {client_id} where the application is registered, "
		"then run `oauthrelay account secret {account}` and give it the new secret",
	},
	[EXPIRY_CERTIFICATE] = {
		"certificate",
		"run `oauthrelay account certificate {account}` and upload the file that it "
		"prints (Entra admin center > App registrations > All applications > {client_id} "
		"> Certificates & secrets > Certificates > Upload certificate); the relay "
		"changes over by itself as soon as Microsoft accepts it",
		"run `oauthrelay account certificate {account}` and register the file that it "
		"prints with application {client_id}; the relay changes over by itself as soon "
		"as it is accepted",
	},
	[EXPIRY_SIGN_IN] = {
		"sign-in",
		sign_in_remedy,
		sign_in_remedy,
	},
};

static const char assumed_note[] =
	" (nobody has said when it ends, so this is counted from the day the relay first saw it: "
	"give its real end as `expires` in credentials of account {account})";

const char *expiry_what_name(enum expiry_what what)
{
	return kinds[what].name;
}

/* ---- when a secret was first seen ---- */

static void digest_of(const struct secret *secret, unsigned char out[RECORD_DIGEST_BYTES])
{
	struct str bytes = secret_reveal(secret);
	unsigned n = RECORD_DIGEST_BYTES;
	if (EVP_Digest(bytes.p, bytes.n, out, &n, EVP_sha256(), NULL) != 1)
		abort(); /* only without memory */
}

static struct seen_secret *find_seen(struct account_record *record,
				     const unsigned char digest[RECORD_DIGEST_BYTES])
{
	for (size_t i = 0; i < record->seen_count; i++)
		if (memcmp(record->seen[i].digest, digest, RECORD_DIGEST_BYTES) == 0)
			return &record->seen[i];
	return NULL;
}

/* Room for one more: the one that was seen first goes, as it is the likeliest to be gone. */
static struct seen_secret *add_seen(struct account_record *record)
{
	struct seen_secret *oldest = record->seen;
	if (record->seen_count < RECORD_SEEN_MAX)
		return &record->seen[record->seen_count++];
	for (size_t i = 1; i < record->seen_count; i++)
		if (record->seen[i].first_ms < oldest->first_ms)
			oldest = &record->seen[i];
	return oldest;
}

/* When it was first seen. A day that is still to come was noted by a clock that went wrong. */
static int64_t first_seen(struct account_record *record, const struct credential *credential,
			  int64_t now_ms, bool *changed)
{
	unsigned char digest[RECORD_DIGEST_BYTES];
	digest_of(&credential->secret, digest);
	struct seen_secret *seen = find_seen(record, digest);
	if (seen == NULL) {
		seen = add_seen(record);
		memcpy(seen->digest, digest, sizeof(digest));
		seen->first_ms = 0;
	}
	if (seen->first_ms < plausible_ms || seen->first_ms > now_ms + day_ms) {
		seen->first_ms = now_ms;
		*changed = true;
	}
	return seen->first_ms;
}

bool expiry_note_secrets(struct credential_list *credentials, const struct account_config *account,
			 struct account_record *record, int64_t now_ms)
{
	bool changed = false;
	if (!expiry_clock_is_set(now_ms))
		return false;
	for (size_t i = 0; i < credentials->n; i++) {
		struct credential *credential = &credentials->v[i];
		if (credential->kind != CREDENTIAL_SECRET ||
		    (credential->ends_ms != 0 && !credential->ends_assumed))
			continue;
		int64_t first_ms = first_seen(record, credential, now_ms, &changed);
		credential->ends_assumed = account->secret_lifetime > 0;
		credential->ends_ms =
			account->secret_lifetime > 0 ? first_ms + account->secret_lifetime : 0;
	}
	return changed;
}

/* ---- the list ---- */

static void set_remedy(struct expiry *expiry, const struct account_config *account)
{
	const struct provider *provider = provider_find(str_of(account->provider));
	bool microsoft = provider != NULL && provider->microsoft;
	struct strbuf text;
	strbuf_init(&text, 4096);
	remedy_append(&text, microsoft ? kinds[expiry->what].microsoft : kinds[expiry->what].other,
		      account);
	if (expiry->assumed)
		remedy_append(&text, assumed_note, account);
	err_set(&expiry->remedy, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

int64_t expiry_days(int64_t ends_ms, int64_t now_ms)
{
	int64_t calendar = (ends_ms - 1) / day_ms - now_ms / day_ms;
	if (ends_ms <= now_ms)
		return (ends_ms - now_ms) / day_ms;
	return calendar > 1 ? calendar : 1;
}

static void add(struct expiry_list *list, const struct account_config *account,
		const struct expiry *fresh, int64_t now_ms)
{
	int64_t days = expiry_days(fresh->ends_ms, now_ms);
	size_t at = list->n;
	list->v = mem_realloc_array(list->v, list->n + 1, sizeof(*list->v));
	while (at > 0 && list->v[at - 1].ends_ms > fresh->ends_ms) {
		list->v[at] = list->v[at - 1];
		at--;
	}
	list->n++;
	list->v[at] = *fresh;
	list->v[at].days_left = days > INT32_MAX    ? INT32_MAX
				: days < -INT32_MAX ? -INT32_MAX
						    : (int)days;
	set_remedy(&list->v[at], account);
}

/* Does one that a command has added stand before it and outlast it? */
static bool is_superseded(const struct credential_list *credentials, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		const struct credential *newer = &credentials->v[i];
		if (newer->added_ms != 0 && !newer->pending &&
		    (newer->ends_ms == 0 || newer->ends_ms > credentials->v[index].ends_ms))
			return true;
	}
	return false;
}

void expiry_list_make(struct expiry_list *out, const struct account_config *account,
		      const struct credential_list *credentials, int64_t sign_in_used_ms,
		      int64_t now_ms)
{
	*out = (struct expiry_list){ 0 };
	if (!expiry_clock_is_set(now_ms))
		return;
	for (size_t i = 0; i < credentials->n; i++) {
		const struct credential *credential = &credentials->v[i];
		if (credential->ends_ms == 0 || credential->pending)
			continue;
		struct expiry expiry = {
			.what = credential->kind == CREDENTIAL_CERTIFICATE ? EXPIRY_CERTIFICATE
									   : EXPIRY_SECRET,
			.ends_ms = credential->ends_ms,
			.life_ms = credential->ends_assumed ? account->secret_lifetime : 0,
			.assumed = credential->ends_assumed,
			.superseded = is_superseded(credentials, i),
		};
		snprintf(expiry.label, sizeof(expiry.label), "%s", credential->label);
		add(out, account, &expiry, now_ms);
	}
	if (sign_in_used_ms > 0 && account->sign_in_lifetime > 0) {
		const struct expiry expiry = {
			.what = EXPIRY_SIGN_IN,
			.label = "sign-in",
			.ends_ms = sign_in_used_ms + account->sign_in_lifetime,
			.life_ms = account->sign_in_lifetime,
		};
		add(out, account, &expiry, now_ms);
	}
}

void expiry_list_done(struct expiry_list *list)
{
	free(list->v);
	*list = (struct expiry_list){ 0 };
}

/* ---- warnings ---- */

/* What lasts no longer than twice that when new has nothing to warn of: it is always so. */
static bool applies(const struct expiry *expiry, int days)
{
	return expiry->life_ms == 0 || expiry->life_ms > 2 * days * day_ms;
}

static size_t level_of(const struct expiry *expiry)
{
	size_t level = 0;
	if (expiry->days_left <= 0)
		return LEVEL_ENDED;
	for (size_t i = 0; i < ARRAY_LEN(thresholds); i++)
		if (expiry->days_left <= thresholds[i] && applies(expiry, thresholds[i]))
			level = i + 1;
	return level;
}

bool expiry_is_near(const struct expiry *expiry)
{
	return level_of(expiry) != 0;
}

bool expiry_is_urgent(const struct expiry *expiry)
{
	return level_of(expiry) != 0 && expiry->days_left <= EXPIRY_URGENT_DAYS;
}

static struct expiry_told *told_of(struct expiry_watch *watch, const struct expiry *expiry)
{
	for (size_t i = 0; i < watch->n; i++)
		if (watch->v[i].what == expiry->what &&
		    strcmp(watch->v[i].label, expiry->label) == 0)
			return &watch->v[i];
	watch->v = mem_realloc_array(watch->v, watch->n + 1, sizeof(*watch->v));
	struct expiry_told *told = &watch->v[watch->n++];
	*told = (struct expiry_told){ .what = expiry->what, .ends_ms = expiry->ends_ms };
	memcpy(told->label, expiry->label, sizeof(told->label));
	return told;
}

/* Those that are not in the list any more: forgotten, or labels would pile up over the years. */
static void forget_others(struct expiry_watch *watch)
{
	size_t kept = 0;
	for (size_t i = 0; i < watch->n; i++)
		if (watch->v[i].seen) {
			watch->v[kept] = watch->v[i];
			watch->v[kept++].seen = false;
		}
	watch->n = kept;
}

const struct expiry *expiry_watch_next(struct expiry_watch *watch, const struct expiry_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct expiry *expiry = &list->v[i];
		struct expiry_told *told = told_of(watch, expiry);
		size_t level = expiry->superseded ? 0 : level_of(expiry);
		/* A sign-in gets a new end with each use; for the others it means another thing. */
		bool another = expiry->what != EXPIRY_SIGN_IN && told->ends_ms != expiry->ends_ms;
		bool news = another ? level != 0 : level > told->level;
		told->seen = true;
		told->ends_ms = expiry->ends_ms;
		told->level = level;
		if (news)
			return expiry;
	}
	forget_others(watch);
	return NULL;
}

void expiry_watch_done(struct expiry_watch *watch)
{
	free(watch->v);
	*watch = (struct expiry_watch){ 0 };
}

int64_t expiry_next_look_ms(const struct expiry_list *list, int64_t now_ms)
{
	int64_t midnight = day_ms - now_ms % day_ms;
	int64_t next = expiry_clock_is_set(now_ms) && midnight < hour_ms ? midnight : hour_ms;
	for (size_t i = 0; i < list->n; i++) {
		int64_t wait = list->v[i].ends_ms - now_ms;
		if (wait > 0 && wait < next)
			next = wait;
	}
	return next;
}

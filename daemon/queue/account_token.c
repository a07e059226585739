/* SPDX-License-Identifier: MIT */
#include "queue/account_token.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/units.h"

/* --- what is logged ------------------------------------------------------------------------ */

static void on_fetched(void *arg, int64_t expires_in_ms, int64_t took_ms, const char *credential)
{
	struct account_token *at = arg;
	at->counters.fetched++;
	log_info("token", lf_str("account", at->account), lf_str("status", "fetched"),
		 lf_str("credential", credential), lf_int("expires_in", expires_in_ms / 1000),
		 lf_int("took_ms", took_ms));
	at->usable(at->arg);
}

static void on_failed(void *arg, const struct token_failure *failure)
{
	struct account_token *at = arg;
	enum log_level level =
		failure->class == TOKEN_FAIL_TRANSIENT ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
	at->counters.failed[failure->class]++;
	log_event(level, "token-failed",
		  LOG_FIELDS(lf_str("account", at->account), lf_str("code", failure->code),
			     lf_str("class", token_failure_class_name(failure->class)),
			     lf_str("error", failure->text.text),
			     lf_str("remedy", failure->remedy.text),
			     lf_int("retry_in", units_seconds_up(failure->retry_in_ms))));
	at->failed(at->arg, failure);
}

static void on_refused(void *arg, const char *credential, const struct token_failure *failure)
{
	struct account_token *at = arg;
	at->counters.refused++;
	log_warning("credential-refused", lf_str("account", at->account),
		    lf_str("credential", credential), lf_str("code", failure->code),
		    lf_str("error", failure->text.text), lf_str("remedy", failure->remedy.text));
}

static void on_expiring(void *arg, const struct expiry *expiry)
{
	const struct account_token *at = arg;
	struct strbuf ends;
	strbuf_init(&ends, 64);
	clock_append_iso(&ends, expiry->ends_ms);
	log_event(expiry_is_urgent(expiry) ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
		  expiry->what == EXPIRY_SIGN_IN ? "sign-in-expiring" : "credential-expiring",
		  LOG_FIELDS(lf_str("account", at->account), lf_str("credential", expiry->label),
			     lf_int("days", expiry->days_left), lf_str("ends", strbuf_cstr(&ends)),
			     lf_str("assumed", expiry->assumed ? "yes" : "no"),
			     lf_str("remedy", expiry->remedy.text)));
	strbuf_done(&ends);
}

static void on_clock_skewed(void *arg, int64_t skew_ms)
{
	const struct account_token *at = arg;
	log_warning("clock-skewed", lf_str("account", at->account),
		    lf_int("skew_s", skew_ms / 1000),
		    lf_str("remedy", "this machine's clock is wrong, or the token endpoint's: "
				     "timedatectl set-ntp true"));
}

static void on_record_refused(void *arg, const struct err *why, const char *remedy)
{
	const struct account_token *at = arg;
	log_error("token-record-refused", lf_str("account", at->account),
		  lf_str("error", why->text), lf_str("remedy", remedy));
}

static void on_changed(void *arg, const char *what)
{
	const struct account_token *at = arg;
	log_info("credential-changed", lf_str("account", at->account), lf_str("what", what));
	if (token_state_of(at->token) == TOKEN_VALID)
		at->changed(at->arg);
}

/* --- the token ----------------------------------------------------------------------------- */

void account_token_configure(struct account_token *at, const struct token_env *env,
			     struct config *config, const struct account_config *ac)
{
	const struct token_events events = {
		.fetched = on_fetched,
		.failed = on_failed,
		.refused = on_refused,
		.expiring = on_expiring,
		.clock_skewed = on_clock_skewed,
		.record_refused = on_record_refused,
		.changed = on_changed,
		.arg = at,
	};
	struct token_env mine = *env;
	mine.generation = at->generation;
	if (ac->auth != UPSTREAM_AUTH_XOAUTH2)
		account_token_done(at);
	else if (at->token == NULL)
		at->token = token_new(&mine, config, ac, &events);
	else
		token_reconfigure(at->token, config, ac);
}

void account_token_done(struct account_token *at)
{
	struct token *token = at->token;
	if (token == NULL)
		return;
	at->generation = token_generation(token);
	at->token = NULL; /* who is told by its end finds none any more */
	token_end_orders(token);
	token_free(token);
}

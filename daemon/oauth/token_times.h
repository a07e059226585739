/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_OAUTH_TOKEN_TIMES_H
#define OAUTHRELAY_OAUTH_TOKEN_TIMES_H

#include <stdint.h>

/*
 * When to do what with a token, in milliseconds. All but the first contain chance, so that many
 * relays and accounts that failed together do not come back together. Pure but for the dice.
 */

/* What is left of a life when the last margin of it is worth nothing, because the server refuses
 * tokens that are so near their end; half of it at least. */
int64_t token_times_usable_ms(int64_t life_ms, int64_t margin_ms);
/* From the request for a token with this life until it is no longer given out: a tenth of the life
 * before its end, 30 s at most, for the way it still has to go. */
int64_t token_times_end_ms(int64_t life_ms);
/*
 * From the request until its renewal in the background. Ten minutes before its end, or a tenth of
 * its life if that is more (a minute's life must not mean a request a minute for ever, nor a day's
 * life the last ten minutes); a token that lives shorter than eleven minutes at half its life. Up
 * to a minute earlier than that, by chance.
 */
int64_t token_times_renewal_ms(int64_t life_ms);
/* After the row-th passing failure in a row: 1, 2, 4 ... 300 s; at_least is what the endpoint asked
 * for. Up to a tenth longer, by chance. */
int64_t token_times_backoff_ms(unsigned row, int64_t at_least_ms);
/* After the row-th lasting failure in a row: 5, 15, 30, then every 60 minutes. */
int64_t token_times_probe_ms(unsigned row, int64_t at_least_ms);
/* Before the row-th try of a certificate that Entra does not know yet: 1, 2, 5, 10, 20, 30, then
 * every 60 minutes. */
int64_t token_times_pending_ms(unsigned row);

#endif

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/base64.h"
#include "config/config.h"
#include "oauth/token_claims.h"
#include "oauth/token_response.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a token says about itself.
 * Input: a byte, 0: the rest is a JWT's payload, else the whole token.
 */

static char name[] = "a", provider[] = "microsoft365", id[] = "1111-22",
	    mailbox[] = "scan@contoso.com", tenant[] = "aaaaaaaa-0000-4000-8000-000000000001",
	    scope[] = "https://outlook.office.com/SMTP.Send";

static void check_text(const char *text, size_t room)
{
	fuzz_check(strnlen(text, room) < room, "a text ends");
	for (; *text != '\0'; text++)
		fuzz_check(ascii_is_print(*text), "a text is printable");
}

static void check(struct str token)
{
	const struct account_config account = {
		.name = name,
		.provider = provider,
		.client_id = id,
		.mailbox = mailbox,
		.login = mailbox,
		.tenant = tenant,
		.scope = scope,
		.grant = token.n % 2 != 0 ? GRANT_DELEGATED : GRANT_CLIENT_CREDENTIALS,
	};
	struct token_claims claims;
	struct claims_finding findings[CLAIMS_FINDINGS_MAX];
	bool readable = token_claims_read(&claims, token);
	check_text(claims.audience, sizeof(claims.audience));
	check_text(claims.scopes, sizeof(claims.scopes));
	check_text(claims.roles, sizeof(claims.roles));
	check_text(claims.user, sizeof(claims.user));
	check_text(claims.tenant_id, sizeof(claims.tenant_id));
	size_t n = token_claims_judge(readable ? &claims : NULL, &account, 1800000000000, findings);
	fuzz_check(n <= CLAIMS_FINDINGS_MAX, "findings have their places");
	for (size_t i = 0; i < n; i++) {
		fuzz_check(findings[i].text.text[0] != '\0', "a finding says what it is");
		check_text(findings[i].text.text, sizeof(findings[i].text.text));
		check_text(findings[i].remedy.text, sizeof(findings[i].remedy.text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	if (fuzz_byte(&in) != 0) {
		check(in);
		return 0;
	}
	struct strbuf token;
	strbuf_init(&token, 4 * TOKEN_BYTES_MAX);
	strbuf_adds(&token, "e30.");
	base64url_encode(&token, str_head(in, 2 * TOKEN_BYTES_MAX));
	strbuf_adds(&token, ".x");
	check(strbuf_str(&token));
	strbuf_done(&token);
	return 0;
}

/* SPDX-License-Identifier: MIT */
#include "config/remedy.h"

#include <string.h>

#include "common/attr.h"
#include "common/quote.h"

enum {
	VALUE_MAX = 128
};

/* Length of the placeholder at text, 0 when it is none; its value goes to out. */
static size_t fill(struct strbuf *out, const char *text, const struct account_config *account)
{
	const struct {
		const char *name;
		const char *value;
	} places[] = {
		{ "{account}", account->name },	 { "{mailbox}", account->mailbox },
		{ "{tenant}", account->tenant }, { "{client_id}", account->client_id },
		{ "{host}", account->host },
	};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		size_t n = strlen(places[i].name);
		if (strncmp(text, places[i].name, n) != 0)
			continue;
		quote_append_bare(out, str_of(places[i].value), VALUE_MAX);
		return n;
	}
	return 0;
}

void remedy_append(struct strbuf *out, const char *text, const struct account_config *account)
{
	while (*text != '\0') {
		size_t n = *text == '{' ? fill(out, text, account) : 0;
		if (n == 0)
			strbuf_addc(out, *text++);
		text += n;
	}
}

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "config/check.h"
#include "config/provider.h"
#include "config/syntax.h"

static bool check_url(const struct account_config *a, char *const *field, const char *key,
		      struct diag *d)
{
	if (!diag_is_set(d, field) || syntax_is_https_url(str_of(*field)))
		return true;
	diag_error_at(d, field, "account \"%s\": %s \"%s\" must be an https address", a->name, key,
		      *field);
	return false;
}

void check_endpoints(const struct account_config *a, const struct provider *provider,
		     struct diag *d)
{
	bool sign_in = a->grant == GRANT_DELEGATED;
	(void)provider;
	if (a->grant == GRANT_MANAGED_IDENTITY)
		return;
	if (diag_is_set(d, &a->authority) && !syntax_is_https_url(str_of(a->authority))) {
		diag_error_at(d, &a->authority,
			      "account \"%s\": authority \"%s\" must be written as "
			      "https://login.microsoftonline.com",
			      a->name, a->authority);
		return;
	}
	bool right = check_url(a, &a->token_endpoint, "token_endpoint", d);
	right = check_url(a, &a->authorization_endpoint, "authorization_endpoint", d) && right;
	right = check_url(a, &a->device_endpoint, "device_endpoint", d) && right;
	if (right && a->token_endpoint[0] == '\0')
		diag_error_at(d, a,
			      "account \"%s\" needs an authority or a token_endpoint for "
			      "xoauth2",
			      a->name);
	else if (right && sign_in && a->authorization_endpoint[0] == '\0' &&
		 a->device_endpoint[0] == '\0')
		diag_error_at(
			d, a,
			"account \"%s\" needs an authorization_endpoint or a device_endpoint, "
			"where somebody can sign in: grant is \"delegated\"",
			a->name);
}

/* ---- the way out ---- */

/* What stands between the scheme and the end; NULL bytes when there is no scheme we speak. */
static struct str behind_scheme(struct str url)
{
	static const struct str schemes[] = { { "http://", 7 }, { "socks5h://", 10 } };
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_starts(url, schemes[i]))
			return str_skip(url, schemes[i].n);
	return (struct str){ NULL, 0 };
}

/* A password may hold an @ itself. */
static ptrdiff_t last_at(struct str s)
{
	ptrdiff_t i = (ptrdiff_t)s.n - 1;
	while (i >= 0 && s.p[i] != '@')
		i--;
	return i;
}

/* The address may hold a password, where it should not: so it is repeated in no finding. */
void check_proxy(const struct proxy_config *proxy, const char *what, struct diag *d)
{
	struct str url = str_of(proxy->tokens);
	if (url.n == 0 || !diag_is_set(d, &proxy->tokens)) {
		if (url.n == 0 && diag_is_set(d, &proxy->password_ref))
			diag_warning_at(d, &proxy->password_ref,
					"%s: there is a password, but no proxy in tokens", what);
		return;
	}
	struct str rest = behind_scheme(url);
	if (rest.p == NULL) {
		diag_error_at(d, &proxy->tokens,
			      "%s: tokens must be written as http://host:port, socks5h://host:port "
			      "or none; other kinds of proxy are not spoken",
			      what);
		return;
	}
	ptrdiff_t at = last_at(rest);
	struct str user = at >= 0 ? str_head(rest, (size_t)at) : (struct str){ rest.p, 0 };
	struct str host = str_skip(rest, at >= 0 ? (size_t)at + 1 : 0);
	if (host.n != 0 && host.p[host.n - 1] == '/')
		host.n--;
	if (str_chr(user, ':') >= 0)
		diag_error_at(d, &proxy->tokens,
			      "%s: the address of a proxy holds no password, which everybody could "
			      "read here; put it into a file: password = "
			      "\"file:/etc/oauthrelay/proxy.secret\";",
			      what);
	else if (!syntax_is_host_port(host) || (at >= 0 && !syntax_is_proxy_user(user)))
		diag_error_at(d, &proxy->tokens,
			      "%s: tokens is not a proxy's address: http://proxy.contoso.com:3128, "
			      "with a name before it as http://name@proxy.contoso.com:3128",
			      what);
	else if (at < 0 && diag_is_set(d, &proxy->password_ref))
		diag_error_at(d, &proxy->tokens,
			      "%s: a password needs a name: http://name@host:port", what);
}

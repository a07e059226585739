/* SPDX-License-Identifier: MIT */
#include "oauth/identity_reply.h"

#include <errno.h>
#include <stdio.h>

#include "common/strbuf.h"
#include "config/config.h"
#include "config/remedy.h"

/* Which machines a row is about. */
enum where {
	ON_BOTH,
	ON_VM,
	ON_ARC
};

struct identity_kind {
	enum where where;
	long status; /* 0: no reply, failure says why not */
	enum http_failure failure;
	const char *text; /* what its explanation holds; "": anything */
	enum token_failure_class class;
	const char *remedy;
};

static const char not_a_vm[] =
	"is this an Azure VM, and does no firewall here keep the relay from 169.254.169.254? On a "
	"server of your own with the Arc agent: identity = \"azure-arc\" in account {account}";
static const char no_agent[] =
	"is the Arc agent installed and running here? azcmagent show, systemctl status himdsd; on "
	"an Azure VM: identity = \"azure-vm\" in account {account}";
static const char updating[] =
	"the endpoint is being updated, which takes 70 seconds at most; if it goes on, see that "
	"identity_endpoint of account {account} is right";

/* The first row that fits counts. */
static const struct identity_kind identity_kinds[] = {
	{ ON_VM, 0, HTTP_FAIL_CONNECT, "", TOKEN_FAIL_TRANSIENT, not_a_vm },
	{ ON_VM, 0, HTTP_FAIL_TIMEOUT, "", TOKEN_FAIL_TRANSIENT, not_a_vm },
	{ ON_ARC, 0, HTTP_FAIL_CONNECT, "", TOKEN_FAIL_TRANSIENT, no_agent },
	{ ON_ARC, 0, HTTP_FAIL_TIMEOUT, "", TOKEN_FAIL_TRANSIENT, no_agent },
	{ ON_BOTH, 404, HTTP_OK, "", TOKEN_FAIL_TRANSIENT, updating },
	{ ON_BOTH, 410, HTTP_OK, "", TOKEN_FAIL_TRANSIENT, updating },
	{ ON_BOTH, 400, HTTP_OK, "Multiple user assigned identities", TOKEN_FAIL_CONFIG,
	  "say which one: client_id of account {account}, as the portal shows it on the page of "
	  "the managed identity" },
	{ ON_VM, 400, HTTP_OK, "Identity not found", TOKEN_FAIL_CONFIG,
	  "Azure portal, Virtual machines, this machine, Security, Identity: switch System assigned "
	  "on, or add the identity under User assigned and write its client ID into client_id of "
	  "account {account}" },
	{ ON_ARC, 400, HTTP_OK, "Identity not found", TOKEN_FAIL_CONFIG,
	  "the Arc agent has no identity for this machine: azcmagent show must say Connected, else "
	  "azcmagent connect" },
	{ ON_BOTH, 400, HTTP_OK, "resource", TOKEN_FAIL_CONFIG,
	  "check scope of account {account}" },
	{ ON_BOTH, 400, HTTP_OK, "", TOKEN_FAIL_CONFIG,
	  "check identity, client_id and scope of account {account}" },
	/* The files live for a moment only; the next challenge names another one. */
	{ ON_ARC, 401, HTTP_OK, "", TOKEN_FAIL_TRANSIENT,
	  "the Arc agent did not accept what was in the file it named; if it goes on: azcmagent "
	  "show, systemctl restart himdsd" },
	{ ON_ARC, 403, HTTP_OK, "", TOKEN_FAIL_CONFIG,
	  "the Arc agent does not admit the relay: add user oauthrelay to group himds (usermod -a "
	  "-G himds oauthrelay), then restart the service" },
};

static bool fits(const struct identity_kind *kind, const struct http_reply *reply,
		 const struct account_config *account, const struct token_failure *failure)
{
	enum where here = account->identity_host == IDENTITY_AZURE_ARC ? ON_ARC : ON_VM;
	if (kind->where != ON_BOTH && kind->where != here)
		return false;
	if (kind->failure != reply->failure ||
	    (kind->failure == HTTP_OK && kind->status != reply->status))
		return false;
	return str_icontains(str_of(failure->text.text), str_of(kind->text)) >= 0;
}

static void set_remedy(struct token_failure *failure, const char *remedy,
		       const struct account_config *account)
{
	struct strbuf text;
	strbuf_init(&text, 4096);
	remedy_append(&text, remedy, account);
	err_set(&failure->remedy, "%s", strbuf_cstr(&text));
	strbuf_done(&text);
}

bool identity_reply_judge(const struct http_reply *reply, const struct account_config *account,
			  struct token_grant *grant, struct token_failure *failure)
{
	if (token_response_judge(reply, account, NULL, 0, grant, failure))
		return true;
	failure->credential_refused = false; /* there is only one identity */
	/* managed_identity.h: no challenge that could be met, and the text says what to do. */
	if (reply->failure == HTTP_FAIL_OTHER && reply->err.code != 0) {
		snprintf(failure->code, sizeof(failure->code), "challenge");
		failure->class =
			reply->err.code == EAGAIN ? TOKEN_FAIL_TRANSIENT : TOKEN_FAIL_CONFIG;
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(identity_kinds); i++) {
		const struct identity_kind *kind = &identity_kinds[i];
		if (!fits(kind, reply, account, failure))
			continue;
		failure->class = kind->class;
		set_remedy(failure, kind->remedy, account);
		break;
	}
	return false;
}

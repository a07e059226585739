/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/tell_account.h"
#include "common/fsx.h"
#include "common/quote.h"

/* `account certificate NAME` */

enum {
	VALUE_MAX = 256,
	TEXT_MAX = 1024,
	FILE_MODE = 0644, /* there is no secret in it */
};

static void append_value(struct strbuf *out, const cJSON *object, const char *name)
{
	quote_append_bare(out, str_of(client_str(object, name)), VALUE_MAX);
}

static void append_long(struct strbuf *out, const cJSON *object, const char *name)
{
	quote_append_visible(out, str_of(client_str(object, name)), TEXT_MAX);
}

static void tell_steps(struct strbuf *out, const cJSON *answer, const char *file)
{
	const char *portal = client_str(answer, "portal");
	if (portal[0] == '\0') {
		strbuf_addf(out, "\nRegister %s with application ", file);
		append_value(out, answer, "client_id");
		strbuf_adds(out, " at the provider.\n");
		return;
	}
	strbuf_adds(out, "\nUpload it, as an administrator of the tenant or an owner of the "
			 "application:\n  1. ");
	append_value(out, answer, "portal");
	strbuf_adds(out, " > App registrations > All applications >\n     application ");
	append_value(out, answer, "client_id");
	strbuf_addf(out,
		    "\n  2. Certificates & secrets > Certificates > Upload certificate > %s\n"
		    "  3. compare the thumbprint that is shown there with the one below\n",
		    file);
}

static void tell_waiting(struct strbuf *out, const cJSON *answer, const char *file)
{
	tell_steps(out, answer, file);
	strbuf_adds(out,
		    "\nNothing else is to do: the relay tries it after 1, 2, 5 and 10 minutes, "
		    "then at least\nonce an hour, and changes over by itself as soon as it is "
		    "accepted. What is in use now\nstays in use until then. This command, given "
		    "again, tries it at once and says how\nthings are.\n");
}

static void tell_what(struct strbuf *out, const cJSON *answer, const char *file)
{
	const cJSON *credential = client_get_member(answer, "credential");
	const char *name = client_str(answer, "account");
	const char *status = client_str(answer, "status");
	if (strcmp(status, "made") == 0) {
		strbuf_addf(out,
			    "A key and a certificate for account %s are made. The key stays in the "
			    "relay,\nsealed; the certificate is in %s.\n",
			    name, file);
		tell_waiting(out, answer, file);
	} else if (strcmp(status, "waiting") == 0) {
		strbuf_addf(
			out,
			"The certificate for account %s has not been accepted yet. It is in %s\n"
			"(again, the same one; --new would make another).\n",
			name, file);
		if (client_str(answer, "refusal")[0] != '\0') {
			strbuf_adds(out, "It was tried just now: ");
			append_long(out, answer, "refusal");
			strbuf_addc(out, '\n');
		}
		tell_waiting(out, answer, file);
	} else {
		strbuf_addf(
			out,
			"The certificate for account %s has been accepted. It is in %s\n(again, "
			"the same one; --new makes another, for the time after it).\n",
			name, file);
	}
	strbuf_adds(out, "\nThumbprint  ");
	append_value(out, credential, "thumbprint_sha1");
	strbuf_adds(out, "\nSHA-256     ");
	append_value(out, credential, "thumbprint_sha256");
	strbuf_adds(out, "\nIt ");
	tell_end(out, credential);
	strbuf_adds(out, ".\n");
}

/* Puts the certificate where it can be uploaded from; with --json only where --out says. */
static bool write_file(const struct cli *cli, const char *path, const cJSON *answer,
		       struct err *err)
{
	struct str pem = str_of(client_str(answer, "certificate"));
	if (cli->json && cli->to_file == NULL)
		return true;
	/* It is from our relay, but this file goes to other people. */
	if (!str_starts(pem, STR("-----BEGIN CERTIFICATE-----\n")) ||
	    str_icontains(pem, STR("PRIVATE KEY")) >= 0)
		return err_set(err, "the relay's answer has no certificate in it");
	return fsx_replace_durable(path, pem, FILE_MODE, err) ||
	       err_prefix(err,
			  "the certificate is made, but cannot be written to %s (say where with "
			  "--out FILE, and get the same one)",
			  path);
}

int cmd_account_certificate(struct cli *cli)
{
	struct err err, remedy = { .text = "" };
	char path[PATH_MAX];
	cJSON *answer = NULL;
	cJSON *order = cJSON_CreateObject();
	cJSON_AddBoolToObject(order, "new", cli->renew);
	bool ok = tell_order(cli, "certificate", order, &answer, &remedy, &err);
	cJSON_Delete(order);
	if (!ok)
		return tell_refused(cli, &remedy, &err);
	snprintf(path, sizeof(path), "%s%s", cli->to_file != NULL ? cli->to_file : cli->words[0],
		 cli->to_file != NULL ? "" : ".cer");
	ok = write_file(cli, path, answer, &err);
	if (ok && cli->json)
		tell_json(cli, answer);
	else if (ok)
		tell_what(&cli->out, answer, path);
	tell_warning(cli, answer);
	cJSON_Delete(answer);
	return ok ? CLI_OK : cli_fail(cli, &err);
}

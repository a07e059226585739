/* SPDX-License-Identifier: MIT */
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/json.h"
#include "common/tls_certificate.h"
#include "config/config.h"
#include "inbound/inbound.h"

enum {
	CERTIFICATE_MAX = 64 * 1024,
	HOSTS_MAX = 100
};

/* What people want to compare with what a device shows. */
struct facts {
	struct strbuf subject, hosts, ends, fingerprint;
};

static void facts_init(struct facts *f, const X509 *certificate)
{
	strbuf_init(&f->subject, CERTIFICATE_MAX);
	strbuf_init(&f->hosts, CERTIFICATE_MAX);
	strbuf_init(&f->ends, 64);
	strbuf_init(&f->fingerprint, 256);
	tls_certificate_append_name(&f->subject, X509_get_subject_name(certificate));
	tls_certificate_append_hosts(&f->hosts, certificate, HOSTS_MAX);
	tls_certificate_append_time(&f->ends, X509_get0_notAfter(certificate));
	tls_certificate_append_fingerprint(&f->fingerprint, certificate);
}

static void facts_done(struct facts *f)
{
	strbuf_done(&f->subject);
	strbuf_done(&f->hosts);
	strbuf_done(&f->ends);
	strbuf_done(&f->fingerprint);
}

static void append_json(struct strbuf *out, const char *path, const struct facts *f,
			const struct strbuf *pem)
{
	cJSON *json = cJSON_CreateObject();
	json_add_str(json, "path", str_of(path));
	json_add_str(json, "subject", strbuf_str(&f->subject));
	json_add_str(json, "names", strbuf_str(&f->hosts));
	json_add_str(json, "ends", strbuf_str(&f->ends));
	json_add_str(json, "sha256", strbuf_str(&f->fingerprint));
	json_add_str(json, "pem", strbuf_str(pem));
	json_append(out, json);
	strbuf_addc(out, '\n');
	cJSON_Delete(json);
}

static void append_text(struct strbuf *out, const char *path, const struct facts *f)
{
	strbuf_addf(out,
		    "File         %s\nSubject      %s\nNames        %s\nEnds         %s\n"
		    "SHA-256      %s\n",
		    path, strbuf_cstr(&f->subject), strbuf_cstr(&f->hosts), strbuf_cstr(&f->ends),
		    strbuf_cstr(&f->fingerprint));
}

static bool export(struct cli *cli, const char *path, struct err *err)
{
	X509 *certificate = tls_certificate_read(path, err);
	struct strbuf pem;
	struct facts facts;
	if (certificate == NULL)
		return false;
	strbuf_init(&pem, CERTIFICATE_MAX);
	facts_init(&facts, certificate);
	bool ok = cli->der && !cli->json ? tls_certificate_append_der(&cli->out, certificate)
					 : tls_certificate_append_pem(&pem, certificate);
	if (!ok)
		err_set(err, "%s: the certificate cannot be written", path);
	else if (cli->json)
		append_json(&cli->out, path, &facts, &pem);
	else
		strbuf_addstr(&cli->out, strbuf_str(&pem));
	if (ok && cli->terminal && !cli->json && !cli->der)
		append_text(&cli->out, path, &facts);
	facts_done(&facts);
	strbuf_done(&pem);
	X509_free(certificate);
	return ok;
}

int cmd_tls_export(struct cli *cli)
{
	struct err err;
	struct config *config = cmd_load_config(cli, false);
	if (config == NULL)
		return CLI_FAILURE;
	char *path = inbound_certificate_path(config);
	bool ok = false;
	if (config->tls_certificate[0] == '\0' && access(path, F_OK) != 0)
		err_set(&err,
			"there is no certificate yet in %s: start the relay once with a listener "
			"that has TLS, and it makes one",
			config->state_dir);
	else if (cli->der && cli->terminal)
		err_set(&err, "the binary form is nothing for a terminal: oauthrelay tls export "
			      "--der >relay.der");
	else
		ok = export(cli, path, &err);
	free(path);
	config_unref(config);
	return ok ? CLI_OK : cli_fail(cli, &err);
}

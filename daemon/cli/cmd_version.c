/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <event2/event.h>
#include <libconfig.h>
#include <openssl/crypto.h>
#include <string.h>

#include "cli/command.h"
#include "common/json.h"
#include "common/version.h"

/* "OpenSSL 3.0.15 3 Sep 2024" -> "3.0.15" */
static struct str openssl_version(void)
{
	struct str rest = str_of(OpenSSL_version(OPENSSL_VERSION));
	str_word(&rest);
	return str_word(&rest);
}

static void append_libconfig(struct strbuf *out)
{
	strbuf_addf(out, "%d.%d.%d", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
		    LIBCONFIG_VER_REVISION);
}

int cmd_version(struct cli *cli)
{
	struct strbuf libconfig;
	strbuf_init(&libconfig, 64);
	append_libconfig(&libconfig);
	const struct {
		const char *name;
		struct str version;
	} rows[] = {
		{ "oauthrelay", str_of(version_string()) },
		{ "libevent", str_of(event_get_version()) },
		{ "openssl", openssl_version() },
		{ "libcurl", str_of(curl_version_info(CURLVERSION_NOW)->version) },
		{ "libconfig", strbuf_str(&libconfig) },
		{ "cjson", str_of(cJSON_Version()) },
	};
	cJSON *json = cJSON_CreateObject();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_add_str(json, rows[i].name, rows[i].version);
		if (!cli->json)
			strbuf_addf(&cli->out, "%-10s %.*s\n", rows[i].name, (int)rows[i].version.n,
				    rows[i].version.p);
	}
	if (cli->json) {
		json_append(&cli->out, json);
		strbuf_addc(&cli->out, '\n');
	}
	cJSON_Delete(json);
	strbuf_done(&libconfig);
	return CLI_OK;
}

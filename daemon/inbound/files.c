/* SPDX-License-Identifier: MIT */
#include "inbound/files.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/tls.h"

/* Where the self-signed certificate lies, below state_dir. */
static const char self_signed_certificate[] = "self-signed.crt";
static const char self_signed_key[] = "self-signed.key";

static bool needs_tls(const struct config *config)
{
	for (size_t i = 0; i < config->listener_count; i++)
		if (config->listeners[i].tls != LISTENER_TLS_NONE)
			return true;
	return false;
}

static bool load_contexts(struct inbound_files *files, const struct config *config,
			  const char *certificate, const char *key, struct err *err)
{
	files->context_count = config->listener_count;
	files->contexts = mem_zalloc(files->context_count * sizeof(SSL_CTX *));
	for (size_t i = 0; i < files->context_count; i++) {
		const struct listener_config *listener = &config->listeners[i];
		if (listener->tls == LISTENER_TLS_NONE)
			continue;
		files->contexts[i] =
			tls_server_context(certificate, key, str_of(listener->address), err);
		if (files->contexts[i] == NULL)
			return false;
	}
	return true;
}

static bool load_tls(struct inbound_files *files, const struct config *config, struct err *err)
{
	struct strbuf certificate, key;
	if (config->tls_certificate[0] != '\0' || !needs_tls(config))
		return load_contexts(files, config, config->tls_certificate, config->tls_key, err);
	strbuf_init(&certificate, 4096);
	strbuf_init(&key, 4096);
	strbuf_addf(&certificate, "%s/%s", config->state_dir, self_signed_certificate);
	strbuf_addf(&key, "%s/%s", config->state_dir, self_signed_key);
	bool ok = tls_make_self_signed(strbuf_cstr(&certificate), strbuf_cstr(&key),
				       config->hostname, err) &&
		  load_contexts(files, config, strbuf_cstr(&certificate), strbuf_cstr(&key), err);
	strbuf_done(&certificate);
	strbuf_done(&key);
	return ok;
}

struct inbound_files *inbound_files_load(const struct config *config, struct err *err)
{
	struct inbound_files *files = mem_zalloc(sizeof(*files));
	files->refs = 1;
	files->users = users_load(config, err);
	if (files->users != NULL && load_tls(files, config, err))
		return files;
	inbound_files_free(files);
	return NULL;
}

struct inbound_files *inbound_files_ref(struct inbound_files *files)
{
	files->refs++;
	return files;
}

struct users *inbound_files_users(const struct inbound_files *files)
{
	return files->users;
}

void inbound_files_free(struct inbound_files *files)
{
	if (files == NULL || --files->refs != 0)
		return;
	for (size_t i = 0; i < files->context_count; i++)
		SSL_CTX_free(files->contexts[i]);
	free(files->contexts);
	users_unref(files->users);
	free(files);
}

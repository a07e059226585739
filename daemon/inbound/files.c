/* SPDX-License-Identifier: MIT */
#include "inbound/files.h"

#include <limits.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "common/tls.h"
#include "common/tls_server.h"

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

/* The caller frees. */
static char *below(const char *folder, const char *name)
{
	struct strbuf path;
	strbuf_init(&path, PATH_MAX);
	strbuf_addf(&path, "%s/%s", folder, name);
	return strbuf_steal(&path);
}

char *inbound_certificate_path(const struct config *config)
{
	return config->tls_certificate[0] != '\0'
		       ? mem_strdup(config->tls_certificate)
		       : below(config->state_dir, self_signed_certificate);
}

static char *key_path(const struct config *config)
{
	return config->tls_certificate[0] != '\0' ? mem_strdup(config->tls_key)
						  : below(config->state_dir, self_signed_key);
}

/* ---- contexts ---- */

static SSL_CTX *load_context(const struct config *config, const struct listener_config *listener,
			     enum tls_profile profile, struct tls_server_params *params,
			     struct err *err)
{
	static const char *const ids[TLS_PROFILE_COUNT] = {
		[TLS_PROFILE_MODERN] = "modern",
		[TLS_PROFILE_LEGACY] = "legacy",
	};
	struct strbuf id;
	strbuf_init(&id, 512);
	strbuf_addf(&id, "%s %s", ids[profile], listener->address);
	params->id = strbuf_str(&id);
	params->legacy = profile == TLS_PROFILE_LEGACY;
	params->sessions = config->limits.tls_sessions;
	SSL_CTX *context = tls_server_context(params, err);
	strbuf_done(&id);
	return context;
}

static bool load_contexts(struct inbound_files *files, const struct config *config,
			  struct tls_server_params *params, struct err *err)
{
	for (size_t i = 0; i < files->context_count; i++) {
		const struct listener_config *listener = &config->listeners[i];
		if (listener->tls == LISTENER_TLS_NONE)
			continue;
		for (enum tls_profile p = 0; p < TLS_PROFILE_COUNT; p++) {
			files->contexts[i][p] = load_context(config, listener, p, params, err);
			if (files->contexts[i][p] == NULL)
				return false;
		}
	}
	return true;
}

static bool load_tls(struct inbound_files *files, const struct config *config, struct err *err)
{
	files->context_count = config->listener_count;
	files->contexts = mem_zalloc(files->context_count * sizeof(*files->contexts));
	if (!needs_tls(config))
		return true;
	char *certificate = inbound_certificate_path(config);
	char *key = key_path(config);
	struct tls_server_params params = { .certificate = certificate, .key = key };
	bool ok = load_contexts(files, config, &params, err);
	free(certificate);
	free(key);
	return ok;
}

/* Once; a device may have been told to trust it. */
static bool make_certificate(const struct config *config, struct err *err)
{
	if (config->tls_certificate[0] != '\0' || !needs_tls(config))
		return true;
	char *certificate = inbound_certificate_path(config);
	char *key = key_path(config);
	bool ok = tls_make_self_signed(certificate, key, config->hostname, err);
	free(certificate);
	free(key);
	return ok;
}

SSL_CTX *inbound_files_context(const struct inbound_files *files, size_t listener,
			       enum tls_profile profile)
{
	return listener < files->context_count ? files->contexts[listener][profile] : NULL;
}

/* ---- has anything changed? ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	/* FNV-1a, eight bytes at a time: this is no defence against anybody. */
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t mix_file(uint64_t hash, const char *path)
{
	struct stat st;
	/* stat(2) goes through links, so that a link to another file is a change too. */
	if (path[0] == '\0' || stat(path, &st) != 0)
		return mix(hash, 1);
	hash = mix(mix(hash, st.st_dev), st.st_ino);
	hash = mix(mix(hash, (uint64_t)st.st_size), st.st_mode);
	return mix(mix(hash, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
}

uint64_t inbound_files_signature(const struct config *config)
{
	char *certificate = inbound_certificate_path(config);
	char *key = key_path(config);
	const char *const paths[] = { certificate, key, config->users_file };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		hash = mix_file(hash, paths[i]);
	free(certificate);
	free(key);
	return hash;
}

struct inbound_files *inbound_files_load(const struct config *config, struct err *err)
{
	if (!make_certificate(config, err))
		return NULL;
	struct inbound_files *files = mem_zalloc(sizeof(*files));
	files->refs = 1;
	files->signature = inbound_files_signature(config);
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
		for (size_t p = 0; p < TLS_PROFILE_COUNT; p++)
			SSL_CTX_free(files->contexts[i][p]);
	free(files->contexts);
	users_unref(files->users);
	free(files);
}

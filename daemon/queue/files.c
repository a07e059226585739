/* SPDX-License-Identifier: MIT */
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/tls.h"
#include "queue/internal.h"

/* What the accounts need from files. Runs in a job, so it touches only its arguments. */

struct queue_files *queue_files_load(const struct config *config, struct err *err)
{
	struct queue_files *files = mem_zalloc(sizeof(*files));
	files->count = config->account_count;
	files->tls = mem_zalloc(files->count * sizeof(SSL_CTX *));
	for (size_t i = 0; i < files->count; i++) {
		const struct account_config *account = &config->accounts[i];
		if (account->tls == UPSTREAM_TLS_NONE)
			continue;
		files->tls[i] = tls_client_context(account->ca_file, err);
		if (files->tls[i] == NULL) {
			err_prefix(err, "account %s", account->name);
			queue_files_free(files);
			return NULL;
		}
	}
	return files;
}

void queue_files_free(struct queue_files *files)
{
	if (files == NULL)
		return;
	for (size_t i = 0; i < files->count; i++)
		if (files->tls[i] != NULL)
			SSL_CTX_free(files->tls[i]);
	free(files->tls);
	free(files);
}

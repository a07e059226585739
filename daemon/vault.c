/* SPDX-License-Identifier: MIT */
#include "vault.h"

#include "common/log.h"
#include "common/seal_key.h"
#include "config/config.h"

static void open_seal(struct vault *vault, const struct config *config)
{
	struct seal *seal = seal_new();
	if (seal_key_load(seal, config->seal_key_ref, config->state_dir, true, &vault->refused)) {
		vault->seal = seal;
		return;
	}
	seal_free(seal);
	log_error("seal-key-refused", lf_str("error", vault->refused.text),
		  lf_str("remedy",
			 "tokens are neither kept nor found again, and accounts that somebody "
			 "has to sign in to are held: mend this, then systemctl restart "
			 "oauthrelay"));
}

bool vault_open(struct vault *vault, struct event_base *base, struct worker *worker,
		const struct config *config, struct err *err)
{
	*vault = (struct vault){ 0 };
	vault->state = state_file_open(base, worker, config->state_dir, err);
	if (vault->state == NULL)
		return false;
	open_seal(vault, config);
	return true;
}

void vault_close(struct vault *vault)
{
	if (vault->state != NULL)
		vault->state->ops->free(vault->state);
	seal_free(vault->seal);
	*vault = (struct vault){ 0 };
}

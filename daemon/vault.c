/* SPDX-License-Identifier: MIT */
#include "vault.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/log.h"
#include "common/seal_key.h"
#include "config/config.h"

enum {
	PATH_ROOM = 4096,
};

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

/* Root may have run the relay once, to try it; the service must find a lock that it can take. */
static void give_to_owner_of(const char *folder, int lock)
{
	struct stat st;
	if (geteuid() == 0 && stat(folder, &st) == 0)
		(void)!fchown(lock, st.st_uid, st.st_gid);
}

/* Two that keep the same tokens would make each other's refresh tokens worthless, and find out
 * weeks later. Where no lock can be had, on a disk that is full or read-only, nobody else can
 * store anything either. */
static bool take_lock(struct vault *vault, const char *folder, struct err *err)
{
	struct strbuf path;
	strbuf_init(&path, PATH_ROOM);
	strbuf_addf(&path, "%s/lock", folder);
	bool ok = fsx_lock(strbuf_cstr(&path), &vault->lock, err);
	if (ok) {
		give_to_owner_of(folder, vault->lock);
	} else if (err->code == EWOULDBLOCK) {
		err_prefix(err, "two relays cannot share one state_dir: give each its own");
	} else {
		log_warning("state-not-locked", lf_str("error", err->text),
			    lf_str("remedy", "see to the disk and the folder state_dir is on"));
		ok = true;
	}
	strbuf_done(&path);
	return ok;
}

bool vault_open(struct vault *vault, struct event_base *base, struct worker *worker,
		const struct config *config, struct err *err)
{
	*vault = (struct vault){ .lock = -1 };
	vault->state = state_file_open(base, worker, config->state_dir, err);
	if (vault->state == NULL)
		return false;
	if (!take_lock(vault, config->state_dir, err)) {
		vault_close(vault);
		return false;
	}
	open_seal(vault, config);
	return true;
}

void vault_close(struct vault *vault)
{
	if (vault->state != NULL) { /* all zero: it was never opened */
		vault->state->ops->free(vault->state);
		seal_free(vault->seal);
		if (vault->lock >= 0)
			close(vault->lock);
	}
	*vault = (struct vault){ .lock = -1 };
}

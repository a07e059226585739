/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_CONFIG_LOAD_LIST_H
#define OAUTHRELAY_CONFIG_LOAD_LIST_H

#include <stdbool.h>

#include "config/config.h"
#include "config/diag.h"
#include "config/schema.h"

/*
 * Values that are lists of strings. Part of the loader (load.h); each function goes on after a
 * finding and notes where each element was written under the element's address.
 */
struct config_setting_t;

struct load_list {
	const struct schema_key *key;
	struct diag *diag;
	const struct config_setting_t *setting;
};

/* False with a finding when the value is not a list, or something in it no string. */
bool load_list_is_strings(const struct load_list *list) MUST_CHECK;

void load_list_strings(const struct load_list *list, struct config_strings *out);
/* Words out of key->names, as bits. */
void load_list_flags(const struct load_list *list, unsigned *out);
void load_list_networks(const struct load_list *list, struct config *config);
/* Appends to config->listeners, which has room for all. */
void load_list_listeners(const struct load_list *list, struct config *config);

#endif

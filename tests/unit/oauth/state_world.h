/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_STATE_WORLD_H
#define OAUTHRELAY_TESTS_STATE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/state.h"

/*
 * A state in memory that does nothing by itself: what was asked of it waits in the order in which
 * it was asked, until the test lets it be done, or fail. `puts` counts what was asked, so that a
 * test sees what would be lost in a crash before that.
 */
enum {
	FAKE_VALUES = 4,
	FAKE_OPERATIONS = 16
};

struct fake_operation {
	char name[64];
	bool put;
	struct secret value;
	state_got_cb *got;
	state_put_cb *stored;
	void *arg;
};

struct fake_state {
	struct state state;
	struct {
		char name[64];
		struct secret value;
	} values[FAKE_VALUES];
	struct fake_operation operations[FAKE_OPERATIONS];
	size_t waiting;
	int gets, puts;
	bool broken; /* nothing works */
};

static inline struct fake_operation *fake_operation(struct state *state, const char *name,
						    void *arg)
{
	struct fake_state *fake = (struct fake_state *)state;
	assert_true(fake->waiting < FAKE_OPERATIONS);
	struct fake_operation *operation = &fake->operations[fake->waiting++];
	memset(operation, 0, sizeof(*operation));
	snprintf(operation->name, sizeof(operation->name), "%s", name);
	operation->arg = arg;
	return operation;
}

static inline void fake_get(struct state *state, const char *name, state_got_cb *cb, void *arg)
{
	((struct fake_state *)state)->gets++;
	fake_operation(state, name, arg)->got = cb;
}

static inline void fake_put(struct state *state, const char *name, struct str value,
			    state_put_cb *cb, void *arg)
{
	struct fake_operation *operation = fake_operation(state, name, arg);
	((struct fake_state *)state)->puts++;
	operation->put = true;
	operation->stored = cb;
	secret_set(&operation->value, value);
}

static inline void fake_forget(struct state *state, void *arg)
{
	struct fake_state *fake = (struct fake_state *)state;
	for (size_t i = 0; i < fake->waiting; i++)
		if (fake->operations[i].arg == arg) {
			fake->operations[i].got = NULL;
			fake->operations[i].stored = NULL;
		}
}

static inline struct secret *fake_value(struct fake_state *fake, const char *name)
{
	for (size_t i = 0; i < FAKE_VALUES; i++) {
		if (fake->values[i].name[0] == '\0')
			snprintf(fake->values[i].name, sizeof(fake->values[i].name), "%s", name);
		if (strcmp(fake->values[i].name, name) == 0)
			return &fake->values[i].value;
	}
	fail_msg("too many names");
	abort(); /* for the compiler, which does not know that it never comes here */
}

/* Does the oldest of what waits. False: there is none. */
static inline bool fake_step(struct fake_state *fake)
{
	if (fake->waiting == 0)
		return false;
	struct fake_operation operation = fake->operations[0];
	struct err why;
	memmove(fake->operations, fake->operations + 1, --fake->waiting * sizeof(operation));
	struct secret *value = fake_value(fake, operation.name);
	err_set(&why, "%s: No space left on device", operation.name);
	if (operation.put && !fake->broken)
		secret_set(value, secret_reveal(&operation.value));
	if (operation.stored != NULL)
		operation.stored(operation.arg, fake->broken ? &why : NULL);
	if (operation.got != NULL)
		operation.got(operation.arg, value->n != 0 && !fake->broken, secret_reveal(value),
			      fake->broken ? &why : NULL);
	secret_done(&operation.value);
	return true;
}

static inline void fake_run(struct fake_state *fake)
{
	while (fake_step(fake))
		;
}

static inline void fake_init(struct fake_state *fake)
{
	static const struct state_ops ops = {
		.get = fake_get,
		.put = fake_put,
		.forget = fake_forget,
	};
	memset(fake, 0, sizeof(*fake));
	fake->state.ops = &ops;
}

static inline void fake_done(struct fake_state *fake)
{
	fake_run(fake);
	for (size_t i = 0; i < FAKE_VALUES; i++)
		secret_done(&fake->values[i].value);
}

#endif

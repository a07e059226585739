/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_TESTS_WORLD_CLIENT_H
#define OAUTHRELAY_TESTS_WORLD_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/strbuf.h"
#include "tests/unit/support/inbound_world.h"

struct bufferevent;

/*
 * Clients of an inbound_world: on socket pairs, with any address one likes, in the world's loop.
 */
struct world_client {
	struct inbound_world *world;
	struct bufferevent *bev;
	SSL *ssl;
	int fd;
	struct strbuf in; /* all that the server has said */
	size_t seen;	  /* of it, by client_wait() */
	bool closed;	  /* the server has closed */
	bool secured;
	bool failed;
};

struct world_client *world_connect(struct inbound_world *w, const char *address);
void client_free(struct world_client *c); /* closes */
/* In pieces of n bytes, each sent when the server has had a turn with those before. */
void client_send(struct world_client *c, struct str bytes, size_t n);
void client_say(struct world_client *c, const char *text); /* in one piece */
void client_shut(struct world_client *c);		   /* no more from us */
void client_reset(struct world_client *c);		   /* the connection breaks */
/* Goes without a word, by a reset or by its end, which the server answers; then it is freed. */
void client_vanish(struct world_client *c, bool reset);
/* Turns the loop until text comes, behind what was waited for before; fails after five seconds. */
void client_wait(struct world_client *c, const char *text);
void client_wait_closed(struct world_client *c);
/* One exchange. */
void client_ask(struct world_client *c, const char *command, const char *reply);
/* The TLS handshake; false when it fails. */
bool client_handshake(struct world_client *c);

/* Codes of all replies, blanks between: "220 250 221". The caller frees. */
char *client_codes(const struct world_client *c);
/* Connects from 192.168.1.9, sends all of input, shuts, waits for the server's close, compares the
 * codes of the replies; once in one segment, once in one-byte segments. */
void world_dialogue(struct inbound_world *w, const char *name, struct str input, const char *codes);
/* Turns the loop until no session is left. */
void world_settle(struct inbound_world *w);

#endif

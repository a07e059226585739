/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <event2/buffer.h>
#include <openssl/crypto.h>

#include "common/json.h"
#include "common/secret.h"
#include "common/strbuf.h"
#include "common/wiped_memory.h"

/*
 * Whether the libraries leave a secret behind in memory that they have freed: a child lets one of
 * them copy a secret, wipes its own copy, and then searches all of its heap.
 */
enum {
	LENGTH = 48,
	HEAP_MAX = 64 * 1024 * 1024
};

/* Never whole in the program's file. */
static void make_secret(char *room)
{
	for (size_t i = 0; i < LENGTH; i++)
		room[i] = (char)('A' + i * 7 % 26);
}

/* The middle of it, since free(3) writes its own notes over the first bytes of a block. */
static bool is_here(const unsigned char *p)
{
	for (size_t i = 16; i < LENGTH; i++)
		if (p[i - 16] != (unsigned char)('A' + i * 7 % 26))
			return false;
	return true;
}

static bool heap_has_it(void)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (maps != NULL && !found && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		if (strstr(line, "[heap]") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		const unsigned char *p = (const unsigned char *)from;
		const unsigned char *end = (const unsigned char *)to - LENGTH;
		for (; p < end && !found; p++)
			found = is_here(p);
	}
	if (maps != NULL)
		(void)fclose(maps);
	return found;
}

static void use_json(const char *secret)
{
	struct err err;
	struct strbuf text;
	strbuf_init(&text, 4096);
	strbuf_reserve(&text, 1024);
	strbuf_addf(&text, "{\"access_token\":\"%s\"}", secret);
	cJSON *json = json_parse(strbuf_str(&text), &err);
	cJSON_Delete(json);
	secret_wipe(text.p, text.room);
	strbuf_done(&text);
}

static void use_libevent(const char *secret)
{
	struct evbuffer *buffer = evbuffer_new();
	evbuffer_add(buffer, secret, LENGTH);
	evbuffer_expand(buffer, 8192);
	evbuffer_pullup(buffer, -1);
	evbuffer_free(buffer);
}

static void use_openssl(const char *secret)
{
	char *copy = OPENSSL_strdup(secret);
	copy = OPENSSL_realloc(copy, 8192);
	OPENSSL_free(copy);
}

static void use_curl(const char *secret)
{
	CURL *easy = curl_easy_init();
	char url[128];
	(void)snprintf(url, sizeof(url), "https://%s@localhost/", secret);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, secret);
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, secret);
	curl_easy_cleanup(easy);
	secret_wipe(url, sizeof(url));
}

static void use_malloc(const char *secret)
{
	char *copy = strdup(secret);
	free(copy);
}

/* In a child, so that the libraries are fresh and the heap is small: 1 when the secret is found. */
static int leaves_it(void (*use)(const char *))
{
	int status = -1;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char secret[LENGTH + 1] = "";
		if (!wiped_memory_install())
			_exit(2);
		make_secret(secret);
		use(secret);
		secret_wipe(secret, sizeof(secret));
		_exit(heap_has_it() ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void what_libraries_free_is_wiped(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* its heap is elsewhere */
#endif
	/* That the search finds what is there. */
	assert_int_equal(leaves_it(use_malloc), 1);
	assert_int_equal(leaves_it(use_json), 0);
	assert_int_equal(leaves_it(use_libevent), 0);
	assert_int_equal(leaves_it(use_openssl), 0);
	assert_int_equal(leaves_it(use_curl), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libraries_free_is_wiped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* WRAP: http_start http_cancel clock_mono_ms timer_start timer_stop */
#include "tests/unit/oauth/sign_in_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/strbuf.h"
#include "oauth/browser.h"

static char far_uri[] = "https://relay.contoso.com/oauth2/callback";

static void on_redeeming(void *arg)
{
	struct world *w = arg;
	w->redeemings++;
}

static struct browser *start(struct world *w)
{
	struct err err;
	const struct browser_params params = { .base = w->base,
					       .account = &w->account,
					       .credentials = &w->credentials,
					       .limit_ms = BROWSER_LIMIT_MS };
	const struct browser_events events = {
		.trouble = on_trouble, .redeeming = on_redeeming, .done = on_done, .arg = w
	};
	struct browser *browser = browser_start(&params, &events, &err);
	assert_non_null(browser);
	return browser;
}

/* A parameter of the address to go to, still encoded. */
static struct str parameter(const struct browser *browser, const char *name)
{
	const char *at = strstr(browser_url(browser), name);
	assert_non_null(at);
	struct str value = str_of(at + strlen(name));
	ptrdiff_t end = str_chr(value, '&');
	return end >= 0 ? str_head(value, (size_t)end) : value;
}

static void paste(struct browser *browser, const char *before, const char *behind)
{
	struct strbuf line;
	strbuf_init(&line, 4096);
	strbuf_adds(&line, before);
	strbuf_addstr(&line, parameter(browser, "&state="));
	strbuf_adds(&line, behind);
	browser_paste(browser, strbuf_str(&line));
	strbuf_done(&line);
}

static void test_pasted(void **state)
{
	struct world *w = *state;
	w->account.redirect_uri = far_uri;
	w->credential.kind = CREDENTIAL_SECRET;
	secret_set(&w->credential.secret, STR("s3cret"));
	struct browser *browser = start(w);
	assert_false(browser_listens(browser));
	assert_string_equal(browser_redirect_uri(browser), far_uri);
	browser_paste(browser, STR("what?"));
	assert_int_equal(w->troubles, 1);
	assert_int_equal(net.started, 0);
	paste(browser, "https://relay.contoso.com/oauth2/callback?code=c%2F1&state=", "");
	assert_int_equal(w->dones + w->redeemings, 0);
	pass(w, 0);
	assert_int_equal(w->redeemings, 1);
	assert_string_equal(net.url, "https://login.test/token");
	assert_non_null(strstr(net.body, "grant_type=authorization_code&"));
	assert_non_null(strstr(net.body, "&code=c%2F1&"));
	assert_non_null(strstr(net.body, "&redirect_uri=https%3A%2F%2Frelay.contoso.com%2Foauth2"
					 "%2Fcallback&"));
	assert_non_null(strstr(net.body, "&code_verifier="));
	assert_non_null(strstr(net.body, "&client_secret=s3cret"));
	/* Once is enough. */
	paste(browser, "?code=c2&state=", "");
	pass(w, 0);
	assert_int_equal(net.started, 1);
	reply(200, GRANTED);
	assert_true(w->granted);
	assert_int_equal(w->dones, 1);
	secret_done(&w->credential.secret);
}

/* Where the browser of this machine is sent back to. */
static int visit(const struct browser *browser, const char *path)
{
	struct strbuf request;
	const char *port = strrchr(browser_redirect_uri(browser), ':') + 1;
	uint64_t number;
	assert_true(str_to_u64(str_of(port), UINT16_MAX, &number));
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons((uint16_t)number),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	strbuf_init(&request, 4096);
	strbuf_addf(&request, "GET %s", path);
	strbuf_addstr(&request, parameter(browser, "&state="));
	strbuf_addf(&request, " HTTP/1.1\r\nHost: localhost:%s\r\n\r\n", port);
	assert_int_equal(send(fd, request.p, request.n, MSG_NOSIGNAL), (ssize_t)request.n);
	strbuf_done(&request);
	return fd;
}

static void read_page(const struct world *w, int fd, const char *wanted)
{
	char page[4096];
	ssize_t n = -1;
	for (int i = 0; i < 100000 && n < 0; i++) {
		turn(w);
		n = recv(fd, page, sizeof(page) - 1, MSG_DONTWAIT);
	}
	assert_true(n > 0);
	page[n] = '\0';
	assert_non_null(strstr(page, wanted));
	close(fd);
}

static void test_loopback(void **state)
{
	struct world *w = *state;
	struct browser *browser = start(w);
	assert_true(browser_listens(browser));
	assert_true(str_starts(str_of(browser_redirect_uri(browser)), STR("http://localhost:")));
	read_page(w, visit(browser, "/?code=x&state=scanner.other&x="), "not the answer");
	assert_int_equal(w->troubles, 1);
	assert_string_equal(w->trouble.code, "foreign-answer");
	read_page(w, visit(browser, "/?code=abc&state="), "Signed in");
	pass(w, 0);
	assert_non_null(strstr(net.body, "&code=abc&"));
	assert_null(strstr(net.body, "client_secret"));
	reply(400, "{\"error\":\"invalid_grant\",\"error_codes\":[54005]}");
	assert_false(w->granted);
	assert_string_equal(w->failure.code, "AADSTS54005");
}

/* Whoever sends answers by the dozen does not push the address off the screen. */
static void test_flood(void **state)
{
	struct world *w = *state;
	struct browser *browser = start(w);
	for (int i = 0; i < 20; i++)
		read_page(w, visit(browser, "/?code=x&state=scanner.other&x="), "not the answer");
	assert_int_equal(w->troubles, 5);
	browser_paste(browser, STR("what?"));
	assert_int_equal(w->troubles, 6);
	read_page(w, visit(browser, "/?code=abc&state="), "Signed in");
	browser_cancel(browser);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	struct browser *browser = start(w);
	read_page(w, visit(browser, "/?error=access_denied&state="), "Not signed in");
	pass(w, 0);
	assert_int_equal(w->dones, 1);
	assert_string_equal(w->failure.code, "access_denied");
	assert_string_not_equal(w->failure.remedy.text, "");
	assert_int_equal(net.started, 0);
}

static void test_nobody_comes(void **state)
{
	struct world *w = *state;
	(void)start(w);
	pass(w, BROWSER_LIMIT_MS - 1);
	assert_int_equal(w->dones, 0);
	pass(w, 1);
	assert_int_equal(w->dones, 1);
	assert_string_equal(w->failure.code, "no-answer");
}

/* A redirect_uri on this machine with a port of its own is listened on. */
static void test_own_port(void **state)
{
	static const struct {
		const char *uri;
		bool listens;
	} rows[] = {
		{ "http://localhost:1/x", false }, /* another user's */
		{ "http://localhost/x", false },
		{ "http://localhost:0/x", false },
		{ "http://localhost:70000/", false },
		{ "http://localhost:8080x/", false },
		{ "http://localhost.evil.test:8080/", false },
	};
	struct world *w = *state;
	struct err err;
	const struct browser_events events = { .done = on_done, .arg = w };
	for (size_t i = geteuid() == 0 ? 1 : 0; i < ARRAY_LEN(rows); i++) {
		char *uri = str_dup(str_of(rows[i].uri));
		w->account.redirect_uri = uri;
		const struct browser_params params = { .base = w->base,
						       .account = &w->account,
						       .credentials = &w->credentials,
						       .limit_ms = 1000 };
		struct browser *browser = browser_start(&params, &events, &err);
		if (i != 0)
			assert_non_null(browser);
		assert_int_equal(browser != NULL && browser_listens(browser), rows[i].listens);
		browser_cancel(browser);
		timer_event = NULL;
		free(uri);
	}
}

static void test_cancel(void **state)
{
	struct world *w = *state;
	browser_cancel(NULL);
	browser_cancel(start(w));
	struct browser *browser = start(w);
	paste(browser, "?code=c&state=", "");
	browser_cancel(browser);
	timer_event = NULL;
	browser = start(w);
	paste(browser, "?code=c&state=", "");
	pass(w, 0);
	browser_cancel(browser);
	assert_int_equal(net.cancelled, 1);
	assert_int_equal(w->dones, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pasted, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_loopback, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_flood, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_refused, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_nobody_comes, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_own_port, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_cancel, world_setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

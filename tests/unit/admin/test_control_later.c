/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/mman.h>

#include "admin/ticket.h"
#include "tests/unit/admin/control_world.h"
#include "tests/unit/support/heap_scan.h"
#include "tests/unit/support/run_loop.h"

/*
 * Answers that come later, and bodies that are secret.
 */

enum {
	LIMIT_MS = 10000
};

/* What the handler began and did not answer yet. */
static struct work {
	struct admin_ticket *ticket;
	bool begun;
	bool gone;
	bool canary_seen;
} work;

static const char canary[] = "canary~Zq8.secret-of-the-account-0123456789";

static struct admin_answer say_this(const char *text)
{
	cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "said", text);
	return (struct admin_answer){ .status = 200, .body = body };
}

static void on_gone(void *arg)
{
	struct work *w = arg;
	assert_false(w->gone);
	w->gone = true;
	w->ticket = NULL;
}

struct admin_answer admin_dispatch(const struct admin_view *view, const struct admin_ops *ops,
				   const struct admin_call *call)
{
	const struct admin_request request = { .view = view, .ops = ops, .ticket = call->ticket };
	work.canary_seen = str_icontains(call->body, str_of(canary)) >= 0;
	if (!str_eq(call->path, STR("/later")))
		return say_this("at once");
	assert_null(work.ticket);
	work.begun = true;
	work.ticket = call->ticket;
	return admin_later(&request, on_gone, &work);
}

/* The loop's own client would keep what it sends in this process's memory. */
static int connect_to(const struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void begin_work(const struct fixture *f, int fd)
{
	work = (struct work){ 0 };
	say(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	assert_true(run_loop_until(f->base, &work.begun, LIMIT_MS));
	assert_non_null(work.ticket);
}

static void end_work(void)
{
	struct admin_ticket *ticket = work.ticket;
	work.ticket = NULL;
	admin_ticket_answer(ticket, say_this("at last"));
}

/* Reads, turning the loop, until the text is there. */
static void expect_answer(const struct fixture *f, int fd, const char *text)
{
	char got[4096];
	size_t n = 0;
	for (int i = 0; i < LIMIT_MS; i++) {
		run_loop_for(f->base, 1);
		ssize_t r = recv(fd, got + n, sizeof(got) - 1 - n, MSG_DONTWAIT);
		n += r > 0 ? (size_t)r : 0;
		got[n] = '\0';
		if (strstr(got, text) != NULL)
			return;
	}
	fail_msg("no \"%s\" in \"%s\"", text, got);
}

/* ---- what is written to the log meanwhile */

static int log_file = -1;
static int real_stderr = -1;

static void catch_log(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	log_file = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_file >= 0);
	dup2(log_file, STDERR_FILENO);
}

/* Caller frees. */
static char *caught_log(void)
{
	char *text = calloc(1, 65536);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	assert_true(pread(log_file, text, 65535, 0) >= 0);
	close(log_file);
	return text;
}

/* ---- tests */

static void it_is_answered_later(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	char byte;
	catch_log();
	begin_work(f, fd);
	run_loop_for(f->base, 20);
	bool silent = recv(fd, &byte, 1, MSG_DONTWAIT) < 0;
	char *log = caught_log();
	assert_true(silent);
	assert_string_equal(log, "");
	free(log);
	catch_log();
	end_work();
	log = caught_log();
	assert_non_null(strstr(log, "did=\"POST /later\" status=200"));
	free(log);
	expect_answer(f, fd, "{\"said\":\"at last\"}");
	/* The connection is as good as before, for either kind. */
	say(fd, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(f, fd, "at once");
	begin_work(f, fd);
	end_work();
	expect_answer(f, fd, "at last");
	close(fd);
	run_loop_for(f->base, 20);
	assert_false(work.gone);
}

static void others_are_answered_meanwhile(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f), second = connect_to(f);
	begin_work(f, fd);
	say(second, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(f, second, "at once");
	close(second);
	end_work();
	expect_answer(f, fd, "at last");
	close(fd);
}

static void the_client_leaves(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	catch_log();
	begin_work(f, fd);
	close(fd);
	bool gone = run_loop_until(f->base, &work.gone, LIMIT_MS);
	char *log = caught_log();
	assert_true(gone);
	assert_non_null(strstr(log, "did=\"POST /later\" status=499"));
	free(log);
	run_loop_for(f->base, 20);
	fd = connect_to(f);
	begin_work(f, fd);
	end_work();
	expect_answer(f, fd, "at last");
	close(fd);
}

/* Answered in the very turn in which the client has left, before the loop has seen it. */
static void the_client_leaves_as_it_is_answered(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	begin_work(f, fd);
	close(fd);
	end_work();
	run_loop_for(f->base, 20);
	assert_false(work.gone);
}

static void the_client_talks_on(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f);
	begin_work(f, fd);
	say(fd, "GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
	run_loop_for(f->base, 20);
	assert_non_null(work.ticket);
	end_work();
	expect_answer(f, fd, "at once"); /* behind the other answer */
	begin_work(f, fd);
	say(fd, "\xff\xff garbage");
	run_loop_for(f->base, 20);
	close(fd);
	assert_true(run_loop_until(f->base, &work.gone, LIMIT_MS));
}

static void stopping_with_one_open(void **state)
{
	struct fixture *f = *state;
	struct err err;
	int fd = connect_to(f);
	begin_work(f, fd);
	control_free(f->control);
	assert_true(work.gone);
	close(fd);
	f->control = open_control(f, &err);
	assert_non_null(f->control);
}

/* In two pieces, so that libevent has it in more than one place. */
static void bodies_are_wiped(void **state)
{
	struct fixture *f = *state;
	struct strbuf filler;
	int fd = connect_to(f);
	if (!heap_scan_works())
		skip();
	strbuf_init(&filler, 8192);
	while (filler.n < 5000)
		strbuf_adds(&filler, "................................................");
	work = (struct work){ 0 };
	say(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5083\r\n\r\n");
	say(fd, canary);
	run_loop_for(f->base, 10);
	assert_int_not_equal(heap_scan_count(canary), 0); /* it looks in the right place */
	assert_int_equal(write(fd, filler.p, 5083 - strlen(canary)), 5083 - strlen(canary));
	assert_true(run_loop_until(f->base, &work.begun, LIMIT_MS));
	assert_true(work.canary_seen);
	assert_int_equal(heap_scan_count(canary), 0);
	end_work();
	expect_answer(f, fd, "at last");
	assert_int_equal(heap_scan_count(canary), 0);
	close(fd);
	strbuf_done(&filler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_answered_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_answered_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_client_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_client_leaves_as_it_is_answered, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_client_talks_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopping_with_one_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bodies_are_wiped, set_up, tear_down),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

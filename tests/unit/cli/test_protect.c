/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/protect.h"

/* In a child, whose environment, limits and signals are its own; its exit status. */
static int in_child(int (*look)(void))
{
	int status = -1;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(look());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int environment_is_gone(void)
{
	for (size_t i = 0; i < protect_unwanted_count; i++)
		setenv(protect_unwanted[i], "/hostile", 1); /* NOLINT(concurrency-mt-unsafe) */
	setenv("OAR_TEST_KEPT", "1", 1);		    /* NOLINT(concurrency-mt-unsafe) */
	protect_process();
	for (size_t i = 0; i < protect_unwanted_count; i++)
		if (getenv(protect_unwanted[i]) != NULL) /* NOLINT(concurrency-mt-unsafe) */
			return 1;
	return getenv("OAR_TEST_KEPT") != NULL ? 0 : 2; /* NOLINT(concurrency-mt-unsafe) */
}

static int memory_stays_here(void)
{
	struct rlimit core;
	protect_process();
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
	return 0;
}

static void the_environment_has_no_say(void **state)
{
	(void)state;
	assert_int_equal(in_child(environment_is_gone), 0);
}

static void there_is_no_core_dump(void **state)
{
	(void)state;
	assert_int_equal(in_child(memory_stays_here), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_has_no_say),
		cmocka_unit_test(there_is_no_core_dump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

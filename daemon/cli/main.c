/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/attr.h"

/* Variables with which whoever starts us could send tokens elsewhere or write down TLS keys. */
static const char *const unwanted[] = {
	"SSLKEYLOGFILE", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
	"all_proxy",	 "ALL_PROXY",  "no_proxy",   "NO_PROXY",
};

/* Started without a stderr (`2>&-`), the next file or socket would become number 2, and the log
 * would be written into it. So /dev/null takes the place of each that is closed. */
static void keep_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(CLI_FAILURE);
}

/* Secrets are in memory: no core dumps, no debugger of another user. */
static void protect_process(void)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		unsetenv(unwanted[i]); /* NOLINT(concurrency-mt-unsafe): no thread yet */
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (sigaction(SIGPIPE, &ignore, NULL) != 0)
		abort(); /* cannot be: both arguments are right */
}

int main(int argc, char **argv)
{
	struct cli cli;
	keep_standard_files();
	protect_process();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return CLI_FAILURE;
	cli_init(&cli);
	cli_use_files(&cli);
	int status = command_main(&cli, argc, (const char *const *)argv);
	if (!cli_flush(&cli) && status == CLI_OK)
		status = CLI_FAILURE;
	cli_done(&cli);
	curl_global_cleanup();
	return status;
}

/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/protect.h"
#include "common/wiped_memory.h"

/* Started without a stderr (`2>&-`), the next file or socket would become number 2, and the log
 * would be written into it. So /dev/null takes the place of each that is closed. */
static void keep_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(CLI_FAILURE);
}

int main(int argc, char **argv)
{
	struct cli cli;
	keep_standard_files();
	protect_process();
	if (!wiped_memory_install())
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

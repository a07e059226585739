/* SPDX-License-Identifier: MIT */
#include "app.h"
#include "cli/command.h"

int cmd_run(struct cli *cli)
{
	const struct app_options options = { .config_path = cli->config_path };
	return app_run(&options) == 0 ? CLI_OK : CLI_FAILURE;
}

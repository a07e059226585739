/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <stdlib.h>

#include "common/fsx.h"
#include "common/mem.h"
#include "common/tls.h"
#include "common/worker.h"

void loaded_done(struct loaded *loaded)
{
	inbound_files_free(loaded->inbound);
	queue_files_free(loaded->queue);
	config_unref(loaded->config);
	*loaded = (struct loaded){ 0 };
}

static bool read_files(struct loaded *loaded, struct err *err)
{
	const struct config *config = loaded->config;
	if (!fsx_make_dirs(config->state_dir, 0700, err))
		return false;
	loaded->inbound = inbound_files_load(config, err);
	if (loaded->inbound == NULL)
		return false;
	loaded->queue = queue_files_load(config, err);
	return loaded->queue != NULL;
}

bool loaded_read(const char *path, struct loaded *out, struct config_report *report)
{
	struct loaded loaded = { .config = config_load(path, report) };
	struct err err;
	if (loaded.config == NULL)
		return false;
	if (!read_files(&loaded, &err)) {
		strbuf_addf(&report->errors, "%s: %s\n", path, err.text);
		report->error_count++;
		loaded_done(&loaded);
		return false;
	}
	*out = loaded;
	return true;
}

struct reload {
	struct job job;
	char *path;
	struct loaded loaded;
	struct config_report report;
	bool ok;
	reload_cb *done;
	void *arg;
};

static void run(struct job *job)
{
	struct reload *reload = (struct reload *)job;
	reload->ok = loaded_read(reload->path, &reload->loaded, &reload->report);
}

static void done(struct job *job)
{
	struct reload *reload = (struct reload *)job;
	reload->done(reload->arg, reload->ok ? &reload->loaded : NULL, &reload->report);
	config_report_done(&reload->report);
	free(reload->path);
	free(reload);
}

bool reload_start(struct worker *worker, const char *path, reload_cb *cb, void *arg)
{
	struct reload *reload = mem_zalloc(sizeof(*reload));
	reload->job = (struct job){ .run = run, .done = done };
	reload->path = mem_strdup(path);
	reload->done = cb;
	reload->arg = arg;
	config_report_init(&reload->report);
	if (worker_try_submit(worker, LANE_DISK, &reload->job))
		return true;
	config_report_done(&reload->report);
	free(reload->path);
	free(reload);
	return false;
}

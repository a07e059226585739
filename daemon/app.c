/* SPDX-License-Identifier: MIT */
#include "app.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/control.h"
#include "common/clock.h"
#include "common/dial.h"
#include "common/fdlimit.h"
#include "common/http.h"
#include "common/log.h"
#include "common/loopguard.h"
#include "common/resolver.h"
#include "common/sd.h"
#include "common/version.h"
#include "common/worker.h"
#include "inbound/files.h"
#include "inbound/inbound.h"
#include "ingest.h"
#include "queue/queue.h"
#include "reload.h"
#include "spool/spool_file.h"
#include "vault.h"
#include "watch.h"

enum {
	STOP_LIMIT_MS = 8 * 1000, /* threats.md C11: out within 10 s, the log's end included */
	STOP_CHECK_MS = 20,
	LOOP_LIMIT_MS = 5 * 1000,
};

struct app {
	const char *config_path;
	struct config *config;
	struct event_base *base;
	struct worker *worker;
	struct resolver *resolver;
	struct http *http;
	struct dialer *dialer;
	struct spool *spool;
	struct vault vault;
	struct queue *queue;
	struct ingest *ingest;
	struct inbound *inbound;
	struct watch *watch;
	struct control *control;
	struct loopguard *guard;
	struct event *signals[3];
	struct event *stop_timer;
	int64_t started_ms;
	int64_t stop_started_ms;
	bool stopping;
	bool queue_stopped;
	bool forced;
	bool reloading;
	bool reload_again;
	bool recovered;
};

/* --- reload -------------------------------------------------------------------------------- */

static void log_report(const struct config_report *report)
{
	struct str rest = strbuf_str(&report->warnings);
	while (rest.n != 0) {
		ptrdiff_t lf = str_chr(rest, '\n');
		size_t n = lf >= 0 ? (size_t)lf : rest.n;
		log_warning("config", lf_slice("warning", str_head(rest, n)));
		rest = str_skip(rest, n + 1);
	}
}

/* What a running process cannot change; the administrator is told. */
static void log_restart_needed(const struct app *app, const struct config *old, bool listeners)
{
	const struct config *new = app->config;
	bool other_key = strcmp(old->seal_key_ref, new->seal_key_ref) != 0;
	const struct {
		const char *key;
		bool changed;
	} fixed[] = {
		{ "listen, listeners", listeners },
		{ "state_dir", strcmp(old->state_dir, new->state_dir) != 0 },
		/* One that was refused may have been mended, which a reload would not show. */
		{ "seal_key", other_key || app->vault.seal == NULL },
		{ "queue.path", strcmp(old->queue.path, new->queue.path) != 0 },
		{ "queue.min_free", old->queue.min_free != new->queue.min_free },
		{ "admin.socket", strcmp(old->admin_socket, new->admin_socket) != 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (fixed[i].changed)
			log_warning("restart-needed", lf_str("key", fixed[i].key),
				    lf_str("remedy", "systemctl restart oauthrelay"));
}

/* Each client takes a descriptor, and while it sends another one. */
static void check_descriptors(const struct config *config)
{
	size_t limit = fdlimit_get();
	size_t room = limit - fdlimit_reserve(limit);
	if (config->limits.connections > room)
		log_warning("descriptors-short", lf_int("descriptors", (int64_t)limit),
			    lf_int("room_for", (int64_t)room),
			    lf_int("connections", (int64_t)config->limits.connections),
			    lf_str("remedy", "raise LimitNOFILE, or lower limits.connections"));
}

/* Takes over what is in loaded. */
static void configure(struct app *app, struct loaded *loaded)
{
	struct config *old = app->config;
	bool listeners = false;
	app->config = loaded->config;
	log_set_level(app->config->log_level);
	check_descriptors(app->config);
	queue_configure(app->queue, app->config, loaded->queue,
			inbound_files_users(loaded->inbound));
	watch_begin(app->watch, app->config, loaded->inbound->signature);
	inbound_configure(app->inbound, app->config, loaded->inbound, &listeners);
	if (old != NULL) {
		log_restart_needed(app, old, listeners);
		config_unref(old);
	}
}

static void start_reload(struct app *app);

static void on_reloaded(void *arg, struct loaded *loaded, const struct config_report *report)
{
	struct app *app = arg;
	app->reloading = false;
	log_report(report);
	if (loaded != NULL && !app->stopping) {
		configure(app, loaded);
		log_info("reloaded", lf_str("config", app->config_path));
	} else if (loaded != NULL) {
		loaded_done(loaded);
	} else {
		log_error("reload-refused", lf_slice("error", strbuf_str(&report->errors)),
			  lf_str("remedy", "the old configuration stays in use: oauthrelay config "
					   "check"));
	}
	if (!app->stopping)
		sd_ready("running");
	if (app->reload_again)
		start_reload(app);
}

static void start_reload(struct app *app)
{
	app->reload_again = app->reloading;
	if (app->reloading || app->stopping)
		return;
	sd_reloading();
	app->reloading = reload_start(app->worker, app->config_path, on_reloaded, app);
	if (!app->reloading) {
		log_error("reload-refused", lf_str("error", "the relay is too busy; try again"));
		sd_ready("running");
	}
}

/* Certificate, key or users have changed: the configuration stays as it is. */
static void on_files_changed(void *arg, struct inbound_files *files, const struct err *err)
{
	struct app *app = arg;
	bool restart_needed;
	if (files != NULL) {
		queue_set_users(app->queue, inbound_files_users(files));
		inbound_configure(app->inbound, app->config, files, &restart_needed);
		log_info("files-reloaded", lf_str("config", app->config_path));
	} else {
		log_error("files-refused", lf_str("error", err->text),
			  lf_str("remedy", "the old certificate and users stay in use until the "
					   "files change again"));
	}
}

/* --- stop ---------------------------------------------------------------------------------- */

static void on_queue_stopped(void *arg)
{
	struct app *app = arg;
	app->queue_stopped = true;
}

static void check_stopped(evutil_socket_t fd, short what, void *arg)
{
	struct app *app = arg;
	(void)fd;
	(void)what;
	bool idle = app->queue_stopped && app->recovered && !app->reloading &&
		    inbound_session_count(app->inbound) == 0 &&
		    worker_lane_pending(app->worker, LANE_COMMIT) == 0 &&
		    worker_lane_pending(app->worker, LANE_DISK) == 0;
	app->forced = !idle && clock_mono_ms() - app->stop_started_ms > STOP_LIMIT_MS;
	if (idle || app->forced)
		event_base_loopbreak(app->base);
}

static void start_stop(struct app *app, const char *signal_name)
{
	const struct timeval every = { .tv_usec = STOP_CHECK_MS * 1000 };
	if (app->stopping)
		return;
	app->stopping = true;
	app->stop_started_ms = clock_mono_ms();
	log_info("stopping", lf_str("signal", signal_name));
	sd_stopping();
	watch_stop(app->watch);
	inbound_stop_listening(app->inbound);
	inbound_drain(app->inbound);
	queue_stop(app->queue, on_queue_stopped, app);
	event_add(app->stop_timer, &every);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct app *app = arg;
	(void)what;
	if (signal_number == SIGHUP)
		start_reload(app);
	else
		start_stop(app, signal_number == SIGTERM ? "TERM" : "INT");
}

/* --- start --------------------------------------------------------------------------------- */

static void on_recovered(void *arg)
{
	struct app *app = arg;
	app->recovered = true;
}

/* What the control socket shows. */
static void look(void *ctx, struct admin_view *out)
{
	const struct app *app = ctx;
	*out = (struct admin_view){
		.queue = app->queue,
		.config = app->config,
		.intake = inbound_counters(app->inbound),
		.inbound = app->inbound,
		.roster = inbound_roster(app->inbound),
		.worker = app->worker,
		.started_ms = app->started_ms,
	};
}

static size_t release_device(void *ctx, struct str device)
{
	struct app *app = ctx;
	inbound_release(app->inbound, device);
	return queue_release(app->queue, device);
}

static bool make_parts(struct app *app, struct loaded *loaded, struct err *err)
{
	const struct spool_file_params spool = {
		.path = loaded->config->queue.path,
		.min_free = loaded->config->queue.min_free,
	};
	app->worker = worker_new(app->base, worker_default_limits);
	app->resolver = resolver_new(app->worker, app->base);
	app->http = http_new(app->base, app->resolver);
	app->dialer = dialer_new(app->base, app->resolver);
	app->spool = spool_file_open(app->base, app->worker, &spool, err);
	if (app->spool == NULL ||
	    !vault_open(&app->vault, app->base, app->worker, loaded->config, err))
		return false;
	const struct queue_params queue = {
		.base = app->base,
		.worker = app->worker,
		.spool = app->spool,
		.http = app->http,
		.dialer = app->dialer,
		.state = app->vault.state,
		.seal = app->vault.seal,
		.unsealed = app->vault.refused.text,
	};
	app->queue = queue_new(&queue);
	app->ingest = ingest_new(app->spool, app->queue);
	const struct inbound_ops ops = ingest_ops(app->ingest);
	app->inbound = inbound_new(app->base, app->worker, loaded->config, &ops, err);
	if (app->inbound == NULL)
		return false;
	app->watch = watch_new(app->base, app->worker, WATCH_INTERVAL_MS, on_files_changed, app);
	const struct admin_ops admin = {
		.look = look,
		.release_device = release_device,
		.ctx = app,
	};
	app->control = control_new(app->base, loaded->config->admin_socket, &admin, err);
	return app->control != NULL;
}

static void watch_signals(struct app *app)
{
	const int numbers[] = { SIGHUP, SIGTERM, SIGINT };
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		app->signals[i] = evsignal_new(app->base, numbers[i], on_signal, app);
		event_add(app->signals[i], NULL);
	}
	app->stop_timer = event_new(app->base, -1, EV_PERSIST, check_stopped, app);
}

static void free_parts(struct app *app)
{
	control_free(app->control);
	watch_free(app->watch);
	inbound_free(app->inbound);
	queue_free(app->queue);
	ingest_free(app->ingest);
	dialer_free(app->dialer);
	http_free(app->http);
	resolver_free(app->resolver);
	vault_close(&app->vault);
	if (app->spool != NULL)
		app->spool->ops->free(app->spool);
	worker_free(app->worker);
	for (size_t i = 0; i < ARRAY_LEN(app->signals); i++)
		if (app->signals[i] != NULL)
			event_free(app->signals[i]);
	if (app->stop_timer != NULL)
		event_free(app->stop_timer);
	config_unref(app->config);
	/* libevent frees a bufferevent, and what it lies upon, one turn of the loop later each. */
	for (int i = 0; i < 3; i++)
		event_base_loop(app->base, EVLOOP_NONBLOCK);
	event_base_free(app->base);
}

static int run_loop(struct app *app, struct loaded *loaded)
{
	watch_signals(app);
	loopguard_enter();
	app->guard = loopguard_watch(app->base, LOOP_LIMIT_MS);
	configure(app, loaded);
	queue_recover(app->queue, on_recovered, app);
	/* What waits from before is counted by `recovered`, when all of it has been found. */
	log_event(LOG_LEVEL_INFO, "ready", NULL, 0);
	sd_ready("running");
	event_base_loop(app->base, EVLOOP_NO_EXIT_ON_EMPTY);
	loopguard_free(app->guard);
	loopguard_leave();
	log_info("stopped", lf_str("clean", app->forced ? "no" : "yes"));
	log_stop_writer();
	if (app->forced || worker_pending(app->worker) != 0) {
		/* Something hangs on a disk, a peer or a name server. All that was acknowledged is
		 * on disk, so going without tidying up is safe, and waiting helps nobody. */
		_exit(0);
	}
	free_parts(app);
	return 0;
}

static bool load_first(struct app *app, struct loaded *loaded)
{
	struct config_report report;
	config_report_init(&report);
	bool ok = loaded_read(app->config_path, loaded, &report);
	if (!ok)
		fputs(strbuf_cstr(&report.errors), stderr);
	log_report(&report);
	config_report_done(&report);
	return ok;
}

int app_run(const struct app_options *options)
{
	struct app app = { .config_path = options->config_path, .started_ms = clock_mono_ms() };
	struct loaded loaded;
	struct err err;
	umask(077);
	(void)fdlimit_raise();
	if (!load_first(&app, &loaded)) {
		fputs("oauthrelay: not started, because of the errors above\n", stderr);
		return 1;
	}
	log_set_level(loaded.config->log_level);
	log_info("starting", lf_str("version", version_string()), lf_int("pid", getpid()),
		 lf_str("config", options->config_path));
	app.base = event_base_new();
	if (!make_parts(&app, &loaded, &err)) {
		log_error("start-failed", lf_str("error", err.text));
		loaded_done(&loaded);
		free_parts(&app);
		return 1;
	}
	log_start_writer();
	return run_loop(&app, &loaded);
}

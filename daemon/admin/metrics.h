/* SPDX-License-Identifier: MIT */
#ifndef OAUTHRELAY_ADMIN_METRICS_H
#define OAUTHRELAY_ADMIN_METRICS_H

#include "admin/routes.h"

/*
 * GET /metrics: the relay's numbers in Prometheus' text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Names begin with oauthrelay_, end
 * in their unit, counters in _total, as its conventions are; counters are since the start. Labels
 * hold names of the configuration, never a secret. Each is a row of a table. Loop's thread.
 */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct admin_answer show_metrics(const struct admin_request *request);

#endif

/*
 * The flight recorder of zrms: what its core is told, from its start on, goes into DIR/recorder/ (adapter/recorder/writer.h).
 *
 *   control ──tap──► recording ──► block ──once a second, when all of it is durable──► writer, in a thread
 *
 * It comes after the commit: what is in a file was decided durably. It holds up nothing, and nothing depends on it: a disk that takes
 * nothing is said once in the log, and as long as it is so in the view of the cluster and as a metric.
 */
#ifndef SAMOZA_ZRMS_RECORDER_H
#define SAMOZA_ZRMS_RECORDER_H

#include "base/metrics.h"

struct recorder;
struct zrms;

/* PRE: `control` was made, and has been told nothing. NULL: the settings want none. */
struct recorder *recorder_new(struct zrms *zrms);
/* Writes what it has. PRE: `control` lives, and `commits` is idle. NULL is fine. */
void recorder_free(struct recorder *recorder);

/* Why it cannot write; the caller frees. NULL: it can, or there is none. */
char *recorder_failure(const struct recorder *recorder);
extern const struct metric_source recorder_metrics; /* of struct recorder */

#endif

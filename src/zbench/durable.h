/*
 * Decisions of the placing engine and their durable commit: the store of zrms, on a disk.
 *
 *   loop ── up to `batch` decisions ──► one outbox ──► store->commit ── all that wait ──► disk
 *     ▲       (of those that wait)                                   one transaction       │
 *     └──────────────────────────────── done, in order ◄───────────────────────────────────┘
 *
 * As in zrms: the next decisions are taken while a commit is on its way. What is written for
 * each is what zrms writes when it assigns a zhost (core/control/placing.c): the record of the
 * instance, an event of the history, and once for each batch the counters of the cluster.
 */
#ifndef SAMOZA_ZBENCH_DURABLE_H
#define SAMOZA_ZBENCH_DURABLE_H

#include "zbench/shapes.h"

#define DURABLE_IN_FLIGHT 4 /* batches on their way; then the loop waits for the disk */

struct durable_outcome {
	double rate;	     /* decisions that are on disk, a second of real time */
	double record_bytes; /* mean size of a record of an instance, without its id */
};

/* Runs a shape with a new store in `directory`, which it removes. From the first decision until
 * the last is on disk. PRE: batch > 0. */
int durable_measure(const struct shape *s, const char *directory, uint32_t batch,
		    struct durable_outcome *ret, struct error **err) must_check;

#endif

/*
 * Decisions of the placement engine and their durable commit, in the store of zrms on a disk.
 *
 *   loop ── up to `batch` decisions ──► one outbox ──► store->commit ── all that wait ──► disk
 *     ▲                                                              one transaction       │
 *     └──────────────────────────────── done, in order ◄───────────────────────────────────┘
 *
 * As in zrms, the next decisions are taken while a commit is in flight. For each, the benchmark
 * writes what zrms writes when it assigns a zhost (core/control/placement/placement.c): the record of the
 * instance and an event of the history, and once for each batch the counters of the cluster.
 */
#ifndef SAMOZA_ZBENCH_DURABLE_H
#define SAMOZA_ZBENCH_DURABLE_H

#include "zbench/shapes.h"

#define DURABLE_IN_FLIGHT 4 /* batches; with as many, the loop waits for the disk */

struct durable_outcome {
	double rate;	     /* durable decisions per second of real time */
	double record_bytes; /* mean size of a record of an instance, without its id */
};

/* Runs a shape with a new store in `directory`, and removes the store. Measures from the first
 * decision until the last is on disk. PRE: batch > 0. */
int durable_measure(const struct shape *s, const char *directory, uint32_t batch,
		    struct durable_outcome *ret, struct error **err) must_check;

#endif

/*
 * What every durable store has in common, whatever it keeps (port/store.h, port/kv.h): how a
 * commit ends, and how large a batch may be.
 */
#ifndef SAMOZA_PORT_DURABILITY_H
#define SAMOZA_PORT_DURABILITY_H

#include <stddef.h>

enum commit_outcome {
	/* The batch is on disk and survives a power cut. */
	COMMIT_DURABLE,
	/* The store has failed (disk full, file damaged). This batch and those after it may be lost,
	 * or may be on disk after all: only the next start can tell. */
	COMMIT_FAILED,
	/* Another process leads now. This batch was refused, and so will be those after it. */
	COMMIT_LOST_LEADERSHIP,
};

/* The size of a batch, or the largest that a store takes; there, 0 is no limit. Bytes: keys and
 * values. Operations: records, events, changes and readings. */
struct batch_size {
	size_t bytes;
	size_t operations;
};

#endif

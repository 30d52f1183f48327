/*
 * What this process knows at one moment, written by a child that has a copy of its memory, while this process goes on.
 *
 *     snapshot_take()   a fork, in the thread that may change what is written
 *        └─ child       writes, on its copy of the memory; it closes every descriptor of its parent at once, ends with the
 *                       thread that has made it, and touches nothing else of its parent
 *     snapshot_read()   waits for it, in any thread
 *
 * The thread is held for the fork only, which copies page tables and no pages. Where no child can be made, the same is
 * written at once, in this process.
 */
#ifndef SAMOZA_ADAPTER_SNAPSHOT_H
#define SAMOZA_ADAPTER_SNAPSHOT_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

struct snapshot {
	pid_t pid; /* 0: there is no child */
	int fd;	   /* of the memory that it writes to; -1: it is in `written` */
	struct buffer written;
	struct error *err;
};

/* Takes no lock, makes no thread and touches no descriptor: in the child there is only the thread that forked. */
typedef int snapshot_write_fn(void *user, struct buffer *to, struct error **err);
/* Every one is read, once. */
void snapshot_take(snapshot_write_fn *write, void *user, struct snapshot *ret);
/* The same, by a child or not at all: ERR_UNAVAILABLE, and nothing is to be read. */
int snapshot_fork(snapshot_write_fn *write, void *user, struct snapshot *ret,
		  struct error **err) must_check;
int snapshot_read(struct snapshot *s, struct buffer *ret, struct error **err) must_check;

#endif

/*
 * What was downloaded is put into the cache: checked, written to the disk and given its name, in a worker thread. A disk may
 * take seconds for that, and nothing else of the zhost waits for it, heartbeats least of all.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_PLACING_H
#define SAMOZA_ZHOST_ARTIFACT_PLACING_H

#include "base/error.h"
#include "port/artifact.h"
#include "port/loop.h"

struct placing;

/* Once, from the loop; then the placing is gone. `take_error`: the caller's; NULL: it is in the cache. */
typedef void placing_done_fn(void *user, struct error *take_error);

/* Takes the writer over, whatever happens; its store must outlive loop_done(). */
struct placing *placing_new(struct loop *loop, struct artifact_writer *take_writer,
			    placing_done_fn *done, void *user);
/* `done` is not called any more; it may still be placed. NULL is fine. */
void placing_cancel(struct placing *p);

#endif

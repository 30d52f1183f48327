/*
 * A look at an artifact before it is handed out, where this run of zrms has not written it or something
 * has touched it since: whether its content still has its digest.
 *
 *   not known ──artifact_look()──► read, a piece in each turn of the loop ──► known: it has its digest
 *                                                                       └──► removed: it is damaged
 *
 * A damaged artifact is not handed out; its zhosts are told to have the package submitted again, and a
 * submission writes it again.
 */
#ifndef SAMOZA_ZRMS_ARTIFACT_LOOK_H
#define SAMOZA_ZRMS_ARTIFACT_LOOK_H

#include "port/loop.h"
#include "zrms/artifact/artifacts.h"

struct looks;

/* `damage`: says what is to be done; NULL: it is sound. Once for each artifact_look() that waits. */
typedef void artifact_looked_fn(void *user, void *waiting, const struct error *damage);

/* Both borrowed. */
struct looks *looks_new(struct loop *loop, struct artifacts *artifacts);
/* No `done` is called any more. NULL is fine. */
void looks_free(struct looks *looks);
/* False: its content is known, or it is not there; `done` is not called. True: `done` will be. */
bool artifact_look(struct looks *looks, const char *digest, artifact_looked_fn *done,
		   void *user, void *waiting);

#endif

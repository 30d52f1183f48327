/*
 * A zhost in words: what its row of `cluster zhosts` and its `cluster status` say. Callers free.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_ZHOST_TEXT_H
#define SAMOZA_ZSHELL_COMMAND_ZHOST_TEXT_H

#include "adapter/output/output.h"
#include "proto/view.pb-c.h"

/* "running, cordoned, draining" */
char *zhost_state_text(const Samoza__V1__ZhostView *z);
/* "region=eu,rack=a", with what stands between them; "": none. */
char *zhost_labels_text(const Samoza__V1__ZhostView *z, const char *between);
/* "0.5/4": reserved of all; `text` writes one amount. */
char *zhost_load_text(const Samoza__V1__AmountView *a, char *(*text)(uint64_t),
		      const char *between);

/* What is left on a zhost that is drained, and why: one line each, at most ten. */
void print_left(const struct output *o, const Samoza__V1__DrainView *d);

/* The rebalance that is running; the caller frees. NULL: none is. */
char *rebalance_text(const Samoza__V1__ClusterView *view);

#endif

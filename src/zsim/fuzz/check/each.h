/*
 * Spaces with `count: each`. The checks know every instance that there may be, one for each name of a machine;
 * which ones there are is judged here [change.counts.each].
 */
#ifndef SAMOZA_ZSIM_FUZZ_EACH_H
#define SAMOZA_ZSIM_FUZZ_EACH_H

#include <stdbool.h>

#include "proto/model.pb-c.h"
#include "proto/record.pb-c.h"

struct fuzz;
struct mirrored_copy;
struct submitted;
struct topology;

/* As the checks know it; the reference is the caller's. Negative: it is not valid. */
int each_compile(const struct fuzz *f, const Samoza__V1__Topology *message,
		 struct topology **ret_topology);
/* The revision has an instance of that path, as far as its zhost suits it. */
bool each_declares(const struct fuzz *f, const struct topology *t, const char *path);
/* What is kept has it, and the version that is served has not, or its zhost suits that no longer: it stays for the
 * former set [change.rollout.blue-green]. */
bool each_is_only_kept(const struct fuzz *f, const struct submitted *s, const char *path);
/* A copy that is new is on its own zhost. */
void check_each_copy(struct fuzz *f, const struct mirrored_copy *m);
/* When all is idle: there is an instance of it exactly where a zhost fits. */
void check_each(struct fuzz *f, const struct submitted *s);

#endif

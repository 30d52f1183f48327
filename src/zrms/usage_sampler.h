/*
 * Samples what zhosts use, as long as zrms leads (usage_series.h).
 */
#ifndef SAMOZA_ZRMS_USAGE_SAMPLER_H
#define SAMOZA_ZRMS_USAGE_SAMPLER_H

#include "port/loop.h"
#include "zrms/usage_series.h"

struct usage_sampler;

/* Borrowed. */
struct usage_sampler *usage_sampler_new(struct loop *loop, const struct control *control);
/* NULL is fine. */
void usage_sampler_free(struct usage_sampler *sampler);
const struct usage_series *usage_sampler_series(const struct usage_sampler *sampler);

#endif

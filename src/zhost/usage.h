/*
 * What the instances of this zhost use, for heartbeats: processor time and private memory of
 * their processes, and the disk that holds DIR. Read every few seconds.
 */
#ifndef SAMOZA_ZHOST_USAGE_H
#define SAMOZA_ZHOST_USAGE_H

#include "port/loop.h"
#include "proto/wire.pb-c.h"
#include "zhost/space/residents.h"

struct usage;

/* Takes the message over. */
typedef void usage_fn(void *user, Samoza__V1__Usage *usage);

/* All borrowed. `dir_fd`: of DIR. */
struct usage *usage_new(struct loop *loop, const struct residents *residents, int dir_fd,
			usage_fn *on_usage, void *user);
/* NULL is fine. */
void usage_free(struct usage *u);

#endif

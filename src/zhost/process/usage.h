/*
 * What the instances of this zhost use, for heartbeats: processor time and private memory of
 * their processes, and the disk that holds DIR. Read from /proc every few seconds.
 */
#ifndef SAMOZA_ZHOST_PROCESS_USAGE_H
#define SAMOZA_ZHOST_PROCESS_USAGE_H

#include "zhost/zhost.h"

struct usage;

struct usage *usage_new(struct zhost *z);
void usage_free(struct usage *u);

#endif

/*
 * Where zrms and its store listen, for the zhosts, which close that to NATIVE spaces. Source: [machines.anonymous.native].
 */
#ifndef SAMOZA_ZRMS_CLOSED_H
#define SAMOZA_ZRMS_CLOSED_H

#include "base/vector.h"

struct zrms;

typedef VECTOR(char *) closed_vector;

/* "ADDRESS:PORT" of each; a store's may have a name in place of the address. PRE: zrms listens. closed_done() frees. */
void closed_list(const struct zrms *zrms, closed_vector *ret_list);
void closed_done(closed_vector *list);

#endif

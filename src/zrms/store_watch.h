/*
 * What follows from how the store is: each is logged once, when it begins and when it ends.
 *
 *     it fails ────► reads see what is durable, streams of events say why nothing comes
 *     recovered ───► the streams say so
 */
#ifndef SAMOZA_ZRMS_STORE_WATCH_H
#define SAMOZA_ZRMS_STORE_WATCH_H

#include <stdbool.h>

/* A hook of the loop, with the struct zrms: looks at the store. */
bool store_watch(void *user);

#endif

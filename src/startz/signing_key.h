/*
 * The developer's key: made once, and trusted by the zrms of the cluster.
 *
 *   DIR/keys/dev{,.pub} ──copied──► DIR/zrms/trust/dev.pub
 */
#ifndef SAMOZA_STARTZ_SIGNING_KEY_H
#define SAMOZA_STARTZ_SIGNING_KEY_H

#include "startz/state.h"

int signing_key_make(const struct state *s, struct error **err) must_check;

#endif

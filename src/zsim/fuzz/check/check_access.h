/*
 * No request of somebody without the right changes anything: it is asked of a copy of the core first, by
 * principals who may not, and the copy is as it was; it is refused, and nothing is to be written or sent.
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ACCESS_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ACCESS_H

#include "core/control/state/input.h"

struct fuzz;

/* Before a request is made by somebody who may: sometimes it is tried. */
void check_access_asked(struct fuzz *f, const struct control_input *input);

#endif

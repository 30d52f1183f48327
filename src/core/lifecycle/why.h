/*
 * Why an instance does not run, through the whole chain, in one sentence:
 *
 *   web is unresolved: needs app, which waits for its ancestor tomcat, which is unresolved:
 *   needs database, provided by mysql, stopped by ops at 10:31
 */
#ifndef SAMOZA_CORE_LIFECYCLE_WHY_H
#define SAMOZA_CORE_LIFECYCLE_WHY_H

#include "core/lifecycle/slot.h"
#include "model/failure.h"

/* Why it is not where its goal says; none when it is. The code is that of the instance itself, not of what the chain ends
 * with, except that of a cycle. The caller ends it with failure_done(). */
struct failure_reason slot_why(const struct slot *s);

#endif

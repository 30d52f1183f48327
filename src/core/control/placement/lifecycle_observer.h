/*
 * What follows from what the rules decide: each move becomes an event, each target an order, and
 * both mark what has to be written, sent and derived again.
 */
#ifndef SAMOZA_CORE_CONTROL_LIFECYCLE_OBSERVER_H
#define SAMOZA_CORE_CONTROL_LIFECYCLE_OBSERVER_H

#include "core/lifecycle/lifecycle.h"

extern const struct lifecycle_observer control_observer;

#endif

/*
 * What zhosts are asked for: each gets the instances that it should hold; all of them when it joins,
 * afterwards what changed. A lost, late or repeated message does no harm: after a reconnect the
 * whole set is sent again.
 */
#ifndef SAMOZA_CORE_CONTROL_ORDERS_H
#define SAMOZA_CORE_CONTROL_ORDERS_H

struct control;

/* In a flush: one message for each zhost of which something changed. */
void orders_send(struct control *c);

#endif

/*
 * Asks zrms without a pause how it is, on a connection and in a thread of its own: the longest wait
 * for an answer is how long its loop did nothing else.
 */
#ifndef SAMOZA_ZBENCH_PROBER_H
#define SAMOZA_ZBENCH_PROBER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct prober {
	uint16_t port;
	pthread_t thread;
	bool is_early; /* nothing has answered yet */
	atomic_bool ends;
	double longest_s;
	struct error *error;
};

int prober_start(struct prober *prober, uint16_t port, struct error **err) must_check;
/* The same while zrms starts: until the first answer, a connection that is refused is tried again, since who is told at once
 * does not wait; one that is taken and not served does. Port 0 after an error. */
int prober_start_early(struct prober *prober, uint16_t port, struct error **err) must_check;
/* The longest wait, in seconds; the wait that is going on is awaited. A request that failed is an
 * error in `err`, and its code in *ret_result, which is left alone otherwise. `err` NULL: there is
 * an error already. */
double prober_stop(struct prober *prober, struct error **err, int *ret_result);

#endif

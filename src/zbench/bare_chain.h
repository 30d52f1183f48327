/*
 * The least that a request and its answer can take on this machine: bare processes that do nothing but pass
 * SIZE bytes on, each waiting in poll(), over the sockets that messages go over.
 *
 *   one zhost     asker ── socket ── passes on ── socket ── answers
 *   two zhosts    asker ── socket ── passes on ══ TLS ══ passes on ── socket ── answers
 *   the same without TLS, which says what TLS takes
 *
 * What messages take beside it in the same run says more than microseconds, which are of a machine and of what
 * else runs there.
 */
#ifndef SAMOZA_ZBENCH_BARE_CHAIN_H
#define SAMOZA_ZBENCH_BARE_CHAIN_H

#include <stdint.h>

#include "base/error.h"

enum bare_chain {
	BARE_CHAIN_ONE_ZHOST,
	BARE_CHAIN_TCP,
	BARE_CHAIN_TLS,
};

/* `count` requests, each when the last one was answered, after a tenth as many that do not count. */
int bare_chain_measure(enum bare_chain kind, uint32_t count, uint64_t *ret_p50_ns,
		       uint64_t *ret_p99_ns, struct error **err) must_check;

#endif

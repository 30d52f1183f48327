/*
 * A zhost of which only the machine is pretended: the real decision core (core/agent) on a real link, and
 * processes that do at once, and without fail, whatever they are ordered.
 *
 *   zrms ◄── wire_link ──► frames ──► agent_handle() ──► orders ─┐
 *                             ▲                                  │ nothing runs
 *                             └────── AGENT_ACTION_DONE ◄────────┘
 *
 * It keeps nothing: what it should make durable is dropped. One whose link breaks connects again after a
 * random time, as a zhost does.
 */
#ifndef SAMOZA_ZBENCH_CROWD_ZHOST_H
#define SAMOZA_ZBENCH_CROWD_ZHOST_H

#include "base/random.h"
#include "port/stream.h"
#include "zbench/crowd.h"

struct crowd_zhost;

/* What all of them share; borrowed. */
struct crowd_world {
	struct loop *loop;
	struct stream_transport *transport;
	struct random random;
	const char *address; /* of zrms */
	uint16_t port;
	const char *token;	 /* that zrms believes; NULL: `credentials` */
	const char *credentials; /* each zhost's in DIRECTORY/NAME; its links are over TLS */
	unsigned addresses; /* of this machine that they have over TLS: 127.1.0.1 and so on */
	struct crowd_figures *figures;
	unsigned told;
	/* zrms has accepted the first link of one more; for who lets a few connect at a time. */
	void (*on_accepted)(void *user);
	void *user;
};

/* "bench-NUMBER", with its credentials, with 64 cores and 256 GiB: so large that instances are spread evenly over them, and not so large
 * that no instance would be felt. Nothing happens before crowd_zhost_connect(). */
int crowd_zhost_new(struct crowd_world *world, unsigned number, struct crowd_zhost **ret_zhost,
		    struct error **err) must_check;
void crowd_zhost_connect(struct crowd_zhost *z);
/* Its machine stands still: its connection stays open, and nothing is said on it any more. */
void crowd_zhost_lose(struct crowd_zhost *z);

#endif

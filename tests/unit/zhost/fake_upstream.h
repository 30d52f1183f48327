/* zrms as the parts of zhost see it: counts what is sent, and keeps the last message. */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_FAKE_UPSTREAM_H
#define SAMOZA_TESTS_UNIT_ZHOST_FAKE_UPSTREAM_H

#include "zhost/uplink/upstream.h"

struct fake_upstream {
	struct upstream upstream; /* first */
	bool is_up;
	int result; /* of try_send while it is up */
	unsigned sent;
	Samoza__V1__FrameType last_type;
	ProtobufCMessage *last; /* owned */
};

void fake_upstream_init(struct fake_upstream *f);
void fake_upstream_done(struct fake_upstream *f);

#endif

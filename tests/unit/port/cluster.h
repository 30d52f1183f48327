/*
 * zrms' links and hub and the uplinks of some zhosts, over a simulated network, without the cores:
 * zrms accepts everybody.
 */
#ifndef TEST_PORT_CLUSTER_H
#define TEST_PORT_CLUSTER_H

#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "zhost/mesh/hub_transport.h"
#include "zhost/uplink/uplink.h"
#include "zrms/hub.h"

enum { CLUSTER_ZHOSTS = 3 };

struct cluster_zhost {
	struct cluster *cluster;
	const char *name;
	struct stream_transport *transport;
	struct cluster_timing timing;
	struct zrms_addresses addresses;
	struct uplink *uplink;
	struct mesh_transport *mesh;
	uint64_t link_id; /* at zrms, once it is accepted */
};

struct cluster {
	struct loop *loop;
	struct sim_network *net;
	struct stream_transport *zrms;
	struct stream_listener *listener;
	struct links *links;
	struct hub *hub;
	struct cluster_zhost zhosts[CLUSTER_ZHOSTS]; /* "alpha", "beta", "gamma" */
};

/* All of them are connected and accepted. */
struct cluster *cluster_new(struct loop *loop);
void cluster_free(struct cluster *c);
/* Runs until the zhost is accepted; fails the test after a virtual minute. */
void cluster_until_up(struct cluster *c, unsigned zhost);

#endif

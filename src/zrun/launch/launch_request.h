/* A launch request as one packet (spawn.h) with its descriptors; private to launch*.c. */
#ifndef SAMOZA_ZRUN_LAUNCH_LAUNCH_REQUEST_H
#define SAMOZA_ZRUN_LAUNCH_LAUNCH_REQUEST_H

#include "zrun/launch/launch.h"
#include "zrun/launch/spawn.h"

struct launch_packet {
	char *data;
	size_t size;
	int fds[SPAWN_FDS]; /* duplicates, ours; -1 where there is none */
};

int must_check launch_packet_init(struct launch_packet *packet,
				  const struct launch_request *request, uint32_t sequence,
				  const void *filter, size_t filter_size,
				  uid_t unprivileged_uid, bool without_namespaces,
				  struct error **err);
/* One sendmsg, without waiting: 0, or -1 with errno. */
int launch_packet_send(const struct launch_packet *packet, int socket);
/* Closes the descriptors and frees; may come twice. */
void launch_packet_done(struct launch_packet *packet);

#endif

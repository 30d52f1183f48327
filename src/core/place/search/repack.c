#include "core/place/search/repack.h"

#include <string.h>

#include "core/place/state/devices.h"

/* The requests of all units tried there and of one more, as one demand. */
static void join_requests(const struct place *p, const struct place_node *node,
			  const struct demand *more, struct demand *ret_joint)
{
	*ret_joint = (struct demand){0};
	uint32_t count = more->request_count;
	for_each_unit_on (p, node, u)
		count += u->tried ? u->need->demand->request_count : 0;
	ret_joint->requests = mem_new_array(struct device_request, count + 1);
	for_each_unit_on (p, node, u) {
		for (uint32_t i = 0; u->tried && i < u->need->demand->request_count; i++)
			ret_joint->requests[ret_joint->request_count++] =
				u->need->demand->requests[i];
	}
	for (uint32_t i = 0; i < more->request_count; i++)
		ret_joint->requests[ret_joint->request_count++] = more->requests[i];
	for (uint32_t i = 0; i < ret_joint->request_count; i++)
		ret_joint->device_total += ret_joint->requests[i].count;
}

bool search_repack(struct place *p, uint32_t zhost, const struct demand *more, bool apply)
{
	struct place_node *node = node_at(p, zhost);
	struct demand joint;
	if (more->too_many_devices)
		return false;
	join_requests(p, node, more, &joint);
	uint16_t *devices = mem_new_array(uint16_t, joint.device_total + 1);
	for_each_unit_on (p, node, u) {
		if (u->tried)
			devices_apply(node, u->need->demand, u->devices, 1);
	}
	bool fits = devices_fit(node->devices, node->device_count, &joint, devices);
	const uint16_t *given = devices;
	for_each_unit_on (p, node, u) {
		if (!u->tried)
			continue;
		if (fits && apply && u->need->demand->device_total > 0)
			memcpy(u->devices, given,
			       u->need->demand->device_total * sizeof(*devices));
		given += u->need->demand->device_total;
		devices_apply(node, u->need->demand, u->devices, -1);
	}
	free(joint.requests);
	free(devices);
	return fits;
}

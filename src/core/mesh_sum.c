#include "core/mesh_sum.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"

/* The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): every bit depends on every bit. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return h ^ (h >> 31);
}

unsigned mesh_part(const char *topology_id)
{
	return (unsigned)(mix(str_hash(topology_id)) % MESH_PARTS);
}

uint64_t mesh_topology_sum(const char *topology_id)
{
	return mix(str_hash(topology_id) + 1);
}

static uint64_t message_sum(const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = mem_calloc(size + 1, 1);
	size_t packed = protobuf_c_message_pack(message, bytes);
	uint64_t h = 0xcbf29ce484222325u;
	INVARIANT(packed == size);
	for (size_t k = 0; k < size; k++) /* FNV-1a, as str_hash() */
		h = (h ^ bytes[k]) * 0x100000001b3u;
	free(bytes);
	return mix(h);
}

uint64_t mesh_peer_sum(const Samoza__V1__MeshPeer *peer)
{
	return message_sum(&peer->base);
}

uint64_t mesh_share_sum(const Samoza__V1__MeshShare *share)
{
	return message_sum(&share->base);
}

#include "adapter/etcd/life.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "adapter/etcd/keys.h"
#include "adapter/etcd/rpc.pb-c.h"
#include "base/memory.h"

enum { ASK_MS = 5000 };

int64_t etcd_life_clock(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what etcd says ---- */

static int status(struct rpc *rpc, Etcd__StatusResponse **ret_status, struct error **err)
{
	const Etcd__StatusRequest request = ETCD__STATUS_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	int r = rpc_call_same(rpc, &rpc_status, &request.base, ASK_MS, &answer, err);
	if (r < 0)
		return r;
	*ret_status = (Etcd__StatusResponse *)answer;
	if ((*ret_status)->header != NULL)
		return 0;
	etcd__status_response__free_unpacked(*ret_status, NULL);
	return error_set(err, ERR_INVALID, "etcd does not say how it is");
}

/* A linearizable reading: who answers it knows everything that was acknowledged before. */
static int catch_up(struct rpc *rpc, struct error **err)
{
	CLEANUP(bytes_freep) bytes key = etcd_key_text(KEY_LEDGER);
	Etcd__RangeRequest request = ETCD__RANGE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	request.key = key;
	request.keys_only = true;
	int r = rpc_call(rpc, &rpc_range, &request.base, ASK_MS, &answer, err);
	if (r == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
	return r;
}

/* Both are of the same server; what is written between them makes the second one larger in both numbers. */
static int read_once(struct rpc *rpc, struct etcd_life_now *ret_now, struct error **err)
{
	Etcd__StatusResponse *first = NULL, *second = NULL;
	int r = catch_up(rpc, err);
	if (r == 0)
		r = status(rpc, &first, err);
	if (r == 0)
		r = status(rpc, &second, err);
	if (r == 0)
		*ret_now =
			(struct etcd_life_now){.cluster = second->header->cluster_id,
					       .lead_min = (int64_t)first->raft_applied_index -
							   second->header->revision,
					       .lead_max = (int64_t)second->raft_applied_index -
							   first->header->revision,
					       .revision = second->header->revision};
	if (first != NULL)
		etcd__status_response__free_unpacked(first, NULL);
	if (second != NULL)
		etcd__status_response__free_unpacked(second, NULL);
	return r;
}

int etcd_life_read(struct rpc *rpc, struct etcd_life_now *ret_now, struct error **err)
{
	int64_t until_ms = 0;
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = read_once(rpc, ret_now, &why);
		if (r == 0 || !rpc_waits(rpc, r, why, &until_ms))
			return r < 0 ? error_move(err, steal_ptr(&why)) : r;
	}
}

const char *etcd_life_judge(const struct etcd_life *before, const struct etcd_witness *witness,
			    const struct etcd_life_now *now)
{
	if (before->cluster != 0 && before->cluster != now->cluster)
		return "it is another cluster of etcd than the one that wrote it";
	if (before->cluster != 0 && now->lead_max < before->lead)
		return "its log is not the one in which it was written";
	if (witness->cluster == now->cluster && now->revision < witness->revision &&
	    witness->wall_ms > before->restored_ms)
		return "it is older than what this machine has seen of it";
	return NULL;
}

/* ---- the witness ---- */

static const char magic[8] = {'Z', 'E', 'T', 'C', 'D', 'S', 'N', '1'};

struct witness_file {
	char magic[8];
	uint8_t cluster[8], revision[8], wall_ms[8],
		check[8]; /* little endian; check: their sum */
};

static void put_u64(uint8_t to[static 8], uint64_t value)
{
	for (size_t i = 0; i < 8; i++, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get_u64(const uint8_t from[static 8])
{
	uint64_t value = 0;
	for (size_t i = 8; i-- > 0;)
		value = value << 8 | from[i];
	return value;
}

void etcd_witness_read(const char *path, struct etcd_witness *ret_witness)
{
	struct witness_file w;
	*ret_witness = (struct etcd_witness){0};
	if (path == NULL)
		return;
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pread(fd, &w, sizeof(w), 0) != (ssize_t)sizeof(w) ||
	    memcmp(w.magic, magic, sizeof(magic)) != 0 ||
	    get_u64(w.check) != get_u64(w.cluster) + get_u64(w.revision) + get_u64(w.wall_ms))
		return;
	*ret_witness = (struct etcd_witness){.cluster = get_u64(w.cluster),
					     .revision = (int64_t)get_u64(w.revision),
					     .wall_ms = (int64_t)get_u64(w.wall_ms)};
}

void etcd_witness_note(const char *path, struct etcd_witness *known, uint64_t cluster,
		       int64_t revision)
{
	struct witness_file w;
	if (path == NULL || (known->cluster == cluster && known->revision >= revision))
		return;
	*known = (struct etcd_witness){cluster, revision, etcd_life_clock()};
	memcpy(w.magic, magic, sizeof(magic));
	put_u64(w.cluster, cluster);
	put_u64(w.revision, (uint64_t)revision);
	put_u64(w.wall_ms, (uint64_t)known->wall_ms);
	put_u64(w.check, cluster + (uint64_t)revision + (uint64_t)known->wall_ms);
	CLEANUP(closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		(void)!pwrite(fd, &w, sizeof(w), 0);
}

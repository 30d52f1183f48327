#include "adapter/etcd/scan.h"

enum {
	GET_MS = 2000, /* an attempt */
	PAGE_MS =
		60000, /* the same, of a page: etcd may have to read all of it from its disk */
	SLOW_PAGE = 1000, /* of a server that cannot answer a larger one in time */
	SMALL_PAGE = 10000,
	SMALL_PAGE_MS = 5000,
};

static int range_call(struct rpc *rpc, const Etcd__RangeRequest *request, int64_t deadline_ms,
		      Etcd__RangeResponse **ret_answer, struct error **err)
{
	ProtobufCMessage *answer = NULL;
	int r = rpc_call(rpc, &rpc_range, &request->base, deadline_ms, &answer, err);
	if (r == 0)
		*ret_answer = (Etcd__RangeResponse *)answer;
	return r;
}

int scan_get(struct rpc *rpc, const char *key, Etcd__RangeResponse **ret_answer,
	     struct error **err)
{
	CLEANUP(bytes_freep) bytes at = etcd_key_text(key);
	Etcd__RangeRequest request = ETCD__RANGE_REQUEST__INIT;
	int64_t until_ms = 0;
	request.key = at;
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		int r = range_call(rpc, &request, GET_MS, ret_answer, &why);
		if (r == 0 || !rpc_waits(rpc, r, why, &until_ms))
			return r < 0 ? error_move(err, steal_ptr(&why)) : r;
	}
}

/* One page; smaller where its answer would be too large, or takes too long. */
static int page_get(struct rpc *rpc, Etcd__RangeRequest *request,
		    Etcd__RangeResponse **ret_answer, struct error **err)
{
	int64_t until_ms = 0;
	for (;;) {
		CLEANUP(error_freep) struct error *why = NULL;
		int64_t deadline_ms = request->limit <= SMALL_PAGE ? SMALL_PAGE_MS : PAGE_MS;
		int r = range_call(rpc, request, deadline_ms, ret_answer, &why);
		bool is_slow = r == ERR_TIMEOUT && request->limit > SLOW_PAGE;
		bool is_large = r == ERR_LIMIT && request->limit > 1;
		if (is_slow)
			request->limit = SLOW_PAGE;
		else if (is_large)
			request->limit /= 2;
		else if (r == 0 || !rpc_waits(rpc, r, why, &until_ms))
			return r < 0 ? error_move(err, steal_ptr(&why)) : r;
	}
}

int scan_run(struct rpc *rpc, const struct scan *scan, scan_fn *each, void *user,
	     struct error **err)
{
	CLEANUP(bytes_freep) bytes from = key_copy(scan->from);
	Etcd__RangeRequest request = ETCD__RANGE_REQUEST__INIT;
	request.range_end = scan->to;
	request.limit = scan->page > 0 ? scan->page : SCAN_PAGE;
	request.revision = scan->revision;
	request.keys_only = scan->keys_only;
	bool more = true;
	int r = 0;
	while (more && r == 0) {
		Etcd__RangeResponse *page = NULL;
		request.key = from;
		r = page_get(rpc, &request, &page, err);
		if (r < 0)
			return r;
		if (request.revision == 0 && page->header != NULL)
			request.revision = page->header->revision;
		for (size_t i = 0; i < page->n_kvs && r == 0; i++)
			r = each(user, page->kvs[i], err);
		more = page->more && page->n_kvs > 0;
		if (more) {
			free(from.data);
			from = key_after(page->kvs[page->n_kvs - 1]->key);
		}
		etcd__range_response__free_unpacked(page, NULL);
	}
	return r < 0 ? r : 0;
}

int scan_prefix(struct rpc *rpc, const char *prefix, scan_fn *each, void *user,
		struct error **err)
{
	CLEANUP(bytes_freep) bytes from = etcd_key_text(prefix);
	CLEANUP(bytes_freep) bytes to = key_end(from);
	const struct scan scan = {.from = from, .to = to};
	/* A server that answers is found by a small question: on this one much may be waited for. */
	Etcd__RangeResponse *answer = NULL;
	int r = scan_get(rpc, prefix, &answer, err);
	if (r < 0)
		return r;
	etcd__range_response__free_unpacked(answer, NULL);
	return scan_run(rpc, &scan, each, user, err);
}

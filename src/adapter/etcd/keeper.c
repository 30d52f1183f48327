#include "adapter/etcd/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "adapter/etcd/rpc.pb-c.h"
#include "base/memory.h"

enum {
	RENEW_MS = 500, /* etcd's shortest lease is 2 s */
	CALL_MS = 1000,
};

struct keeper {
	struct rpc *rpc; /* of the thread */
	pthread_t thread;
	bool has_thread; /* of the loop's thread */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock */
	uint64_t lease; /* 0: none */
	int64_t until_ms;
	bool ends;
};

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void renew(struct keeper *k, uint64_t lease)
{
	Etcd__LeaseKeepAliveRequest message = ETCD__LEASE_KEEP_ALIVE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	message.id = (int64_t)lease;
	if (rpc_call(k->rpc, &rpc_keep_alive, &message.base, CALL_MS, &answer, NULL) == 0)
		protobuf_c_message_free_unpacked(answer, NULL);
}

/* With the lock. */
static void wait(struct keeper *k, int64_t at_ms)
{
	const struct timespec until = {.tv_sec = at_ms / 1000,
				       .tv_nsec = at_ms % 1000 * 1000000};
	if (k->lease == 0)
		(void)pthread_cond_wait(&k->wake, &k->lock);
	else
		(void)pthread_cond_timedwait(&k->wake, &k->lock, &until);
}

static void *keeper_main(void *user)
{
	struct keeper *k = user;
	int64_t at_ms = 0; /* of the next renewal */
	(void)pthread_mutex_lock(&k->lock);
	while (!k->ends) {
		if (k->lease != 0 && now_ms() >= k->until_ms)
			k->lease = 0;
		if (k->lease == 0 || now_ms() < at_ms) {
			wait(k, at_ms);
			continue;
		}
		uint64_t lease = k->lease;
		at_ms = now_ms() + RENEW_MS;
		(void)pthread_mutex_unlock(&k->lock);
		renew(k, lease);
		(void)pthread_mutex_lock(&k->lock);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

static bool thread_start(struct keeper *k)
{
	/* Signals are the loop's business. */
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	bool is_started = pthread_create(&k->thread, NULL, keeper_main, k) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (is_started)
		(void)pthread_setname_np(k->thread, "keeper");
	return is_started;
}

void keeper_hold(struct keeper *k, uint64_t lease)
{
	if (lease != 0 && !k->has_thread)
		k->has_thread = thread_start(k);
	(void)pthread_mutex_lock(&k->lock);
	k->lease = lease;
	k->until_ms = now_ms() + KEEPER_HOLD_MS;
	(void)pthread_cond_signal(&k->wake);
	(void)pthread_mutex_unlock(&k->lock);
}

int keeper_new(const struct etcd_servers *servers, struct keeper **ret_keeper,
	       struct error **err)
{
	struct rpc *rpc = NULL;
	pthread_condattr_t attributes;
	int r = rpc_new(servers, &rpc, err);
	if (r < 0)
		return r;
	struct keeper *k = mem_new(struct keeper);
	k->rpc = rpc;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&k->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&k->lock, NULL);
	*ret_keeper = k;
	return 0;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->ends = true;
	(void)pthread_cond_signal(&k->wake);
	(void)pthread_mutex_unlock(&k->lock);
	if (k->has_thread)
		(void)pthread_join(k->thread, NULL);
	(void)pthread_cond_destroy(&k->wake);
	(void)pthread_mutex_destroy(&k->lock);
	rpc_free(k->rpc);
	free(k);
}

#include "zbench/prober.h"

#include <errno.h>
#include <poll.h>

#include "base/str.h"
#include "zbench/client.h"

#define PAUSE_MS 1

static void *probe(void *data)
{
	struct prober *p = data;
	CLEANUP(client_done) struct client client = {.port = p->port};
	CLEANUP(answer_done) struct answer answer = {0};
	while (p->error == NULL && !atomic_load(&p->ends)) {
		uint64_t begin = now_ns();
		int r = client_request(&client, "GET", "/healthz", NULL, 0, &answer, &p->error);
		double taken = seconds_between(begin, now_ns());
		if (taken > p->longest_s)
			p->longest_s = taken;
		p->is_early = p->is_early && r < 0;
		if (p->is_early)
			error_free(steal_ptr(&p->error));
		(void)poll(NULL, 0, PAUSE_MS);
	}
	return NULL;
}

static int start(struct prober *p, struct error **err)
{
	errno = pthread_create(&p->thread, NULL, probe, p);
	return errno != 0 ? error_errno(err, "cannot start a thread") : 0;
}

int prober_start(struct prober *p, uint16_t port, struct error **err)
{
	*p = (struct prober){.port = port};
	return start(p, err);
}

int prober_start_early(struct prober *p, uint16_t port, struct error **err)
{
	*p = (struct prober){.port = port, .is_early = true};
	int r = start(p, err);
	if (r < 0)
		p->port = 0;
	return r;
}

double prober_stop(struct prober *p, struct error **err, int *ret_result)
{
	atomic_store(&p->ends, true);
	(void)pthread_join(p->thread, NULL);
	if (p->error != NULL && err != NULL)
		*ret_result = error_move(err, steal_ptr(&p->error));
	error_free(p->error);
	return p->longest_s;
}

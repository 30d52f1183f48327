#include "zhost/reconcile/trials.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/str.h"

#define TRY_MS 1000

struct trial {
	struct trials *owner;
	char *address;
	struct stream *stream;
	struct trial *prev, *next;
};

struct trials {
	struct stream_transport *transport;
	trials_fn *fn;
	void *user;
	struct trial *all;
};

static void trial_free(struct trial *t)
{
	DL_DELETE(t->owner->all, t);
	stream_close(t->stream);
	free(t->address);
	free(t);
}

static void on_connected(void *user, struct stream *stream, const struct error *why)
{
	struct trial *t = user;
	struct trials *owner = t->owner;
	CLEANUP(freep) char *address = steal_ptr(&t->address);

	(void)stream;
	trial_free(t);
	owner->fn(owner->user, address, why == NULL);
}

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)user;
	(void)stream;
	(void)events; /* nothing is wanted */
}

static const struct stream_handler handler = {.connected = on_connected, .ready = on_ready};

void trials_begin(struct trials *trials, const char *address)
{
	CLEANUP(freep) char *host = mem_strdup(address);
	char *colon = strrchr(host, ':');
	uint64_t port = 0;

	if (colon != NULL)
		*colon = '\0';
	if (colon == NULL || str_to_u64(colon + 1, &port) < 0 || port == 0 ||
	    port > UINT16_MAX) {
		trials->fn(trials->user, address, false);
		return;
	}
	struct trial *t = mem_new(struct trial);
	t->owner = trials;
	t->address = mem_strdup(address);
	DL_APPEND(trials->all, t);
	t->stream = stream_connect(trials->transport,
				   &(struct stream_connect_options){
					   .to = {host, (uint16_t)port}, .timeout_ms = TRY_MS},
				   &handler, t);
}

struct trials *trials_new(struct stream_transport *transport, trials_fn *fn, void *user)
{
	struct trials *trials = mem_new(struct trials);

	trials->transport = transport;
	trials->fn = fn;
	trials->user = user;
	return trials;
}

void trials_free(struct trials *trials)
{
	if (trials == NULL)
		return;
	while (trials->all != NULL)
		trial_free(trials->all);
	free(trials);
}

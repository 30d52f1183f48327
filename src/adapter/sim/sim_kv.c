#include "adapter/sim/sim_kv.h"

#include <utlist.h>

#include "base/check.h"
#include "base/memory.h"

struct sim_kv_request {
	struct sim_kv_request *next, *prev;
	const struct kv_change *changes; /* borrowed until it is answered */
	size_t count;
	kv_done_fn *done;
	void *user;
};

struct sim_kv {
	struct kv kv; /* first */
	struct sim_disk *disk;
	struct sim_kv_hooks hooks;
	struct sim_kv_request *requests; /* oldest first */
	size_t waiting;
	enum commit_outcome broken; /* the first one that was not durable */
};

static struct sim_kv *sim_of(struct kv *kv)
{
	return (struct sim_kv *)kv;
}

static int sim_load(struct kv *kv, const char *owner, kv_each_fn *each, void *user,
		    struct error **err)
{
	const struct sim_kv_hooks *hooks = &sim_of(kv)->hooks;
	PRE(sim_of(kv)->waiting == 0);
	if (hooks->load_fails != NULL && hooks->load_fails(hooks->user))
		return error_set(err, ERR_IO, "the disk cannot be read");
	return sim_disk_each_value(sim_of(kv)->disk, owner, each, user, err);
}

static void sim_commit(struct kv *kv, const struct kv_change *changes, size_t count,
		       kv_done_fn *done, void *user)
{
	struct sim_kv *s = sim_of(kv);
	struct sim_kv_request *request = mem_new(struct sim_kv_request);
	request->changes = changes;
	request->count = count;
	request->done = done;
	request->user = user;
	DL_APPEND(s->requests, request);
	s->waiting++;
	if (s->hooks.asked != NULL)
		s->hooks.asked(s->hooks.user);
}

static struct sim_kv_request *take_oldest(struct sim_kv *s)
{
	struct sim_kv_request *request = s->requests;
	PRE(request != NULL);
	DL_DELETE(s->requests, request);
	s->waiting--;
	return request;
}

/* NULL: it is not written. The caller frees with answers_free(). */
static struct data_answer *request_write(struct sim_kv *s, const struct sim_kv_request *request)
{
	struct data_answer *answers = mem_new_array(struct data_answer, request->count + 1);
	for (size_t i = 0; i < request->count; i++)
		sim_disk_apply(s->disk, &request->changes[i], &answers[i]);
	return answers;
}

static void answers_free(struct data_answer *answers, size_t count)
{
	for (size_t i = 0; answers != NULL && i < count; i++)
		data_answer_done(&answers[i]);
	free(answers);
}

size_t sim_kv_waiting(const struct kv *kv)
{
	return ((const struct sim_kv *)kv)->waiting;
}

void sim_kv_answer(struct kv *kv, enum commit_outcome outcome, bool is_written)
{
	struct sim_kv *s = sim_of(kv);
	struct sim_kv_request *request = take_oldest(s);
	CLEANUP(error_freep) struct error *why = NULL;
	struct data_answer *answers = NULL;
	if (s->broken != COMMIT_DURABLE)
		outcome = s->broken;
	else if (outcome == COMMIT_DURABLE || is_written)
		answers = request_write(s, request);
	s->broken = outcome;
	if (outcome != COMMIT_DURABLE)
		(void)error_set(&why, ERR_IO, "the disk is full");
	request->done(request->user, outcome, why, answers);
	answers_free(answers, request->count);
	free(request);
}

static void sim_close(struct kv *kv, void (*closed)(void *user), void *user)
{
	while (sim_kv_waiting(kv) > 0)
		sim_kv_answer(kv, COMMIT_DURABLE, true);
	free(kv);
	closed(user);
}

void sim_kv_crash(struct kv *kv, size_t written)
{
	struct sim_kv *s = sim_of(kv);
	while (s->waiting > 0) {
		struct sim_kv_request *request = take_oldest(s);
		if (written > 0 && s->broken == COMMIT_DURABLE) {
			answers_free(request_write(s, request), request->count);
			written--;
		}
		free(request);
	}
	free(s);
}

static const struct kv_ops sim_kv_ops = {
	.load = sim_load,
	.commit = sim_commit,
	.close = sim_close,
};

struct kv *sim_kv_new(struct sim_disk *disk, const struct sim_kv_hooks *hooks)
{
	struct sim_kv *s = mem_new(struct sim_kv);
	s->kv.ops = &sim_kv_ops;
	s->disk = disk;
	if (hooks != NULL)
		s->hooks = *hooks;
	return &s->kv;
}

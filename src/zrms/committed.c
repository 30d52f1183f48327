#include "zrms/committed.h"

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/memory.h"

/* One load; the store's until it is done. */
struct load {
	struct committed *of; /* NULL: nobody waits for it any more. The loop's thread only */
	struct loop *loop;    /* borrowed */
	uv_work_t work;	      /* of its end */
	struct control *control;
	struct outbox outbox; /* of control_start(); nothing in it is carried out */
	struct instant now;
};

struct committed {
	struct loop *loop;
	struct store *store;
	struct control_config config;
	void (*changed)(void *user);
	void *user;
	enum committed_state state;
	struct load *load; /* reading, or ready */
};

static void load_free(uv_work_t *work)
{
	struct load *l = container_of(work, struct load, work);
	control_free(l->control);
	outbox_done(&l->outbox);
}

static void load_freed(uv_work_t *work, int status)
{
	(void)status;
	free(container_of(work, struct load, work));
}

/* In a thread: of a large cluster that takes half a second. NULL is fine. */
static void load_end(struct load *l)
{
	if (l == NULL)
		return;
	int r = uv_queue_work(loop_uv(l->loop), &l->work, load_free, load_freed);
	INVARIANT(r == 0);
}

/* ---- in a thread of the store's ---- */

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)id;
	struct load *l = user;
	return control_load(l->control, kind, data, size, err);
}

static int on_end(void *user, struct error **err)
{
	struct load *l = user;
	return control_start(l->control, l->now, &l->outbox, err);
}

/* ---- in the loop's thread ---- */

static void on_read(void *user, int code, const struct error *error)
{
	struct load *l = user;
	struct committed *c = l->of;
	if (c == NULL) {
		load_end(l);
		return;
	}
	c->state = code < 0 ? COMMITTED_FAILED : COMMITTED_READY;
	if (code < 0) {
		log_error("store", "read.failed", LOG_E(error),
			  LOG_S("then", "reads are refused until it can be written again"));
		load_end(steal_ptr(&c->load));
	}
	c->changed(c->user);
}

static const struct store_reader reader = {
	.on_record = on_record, .on_end = on_end, .done = on_read};

void committed_begin(struct committed *c)
{
	PRE(c->state == COMMITTED_NONE);
	if (c->store->ops->read == NULL) {
		c->state = COMMITTED_FAILED;
		c->changed(c->user);
		return;
	}
	struct load *l = mem_new(struct load);
	l->of = c;
	l->loop = c->loop;
	l->control = control_new(&c->config, "");
	l->now = loop_now(c->loop);
	outbox_init(&l->outbox);
	c->state = COMMITTED_READING;
	c->load = l;
	c->store->ops->read(c->store, &reader, l);
}

void committed_end(struct committed *c)
{
	if (c->state == COMMITTED_READING)
		c->load->of = NULL;
	else
		load_end(c->load);
	c->load = NULL;
	c->state = COMMITTED_NONE;
}

enum committed_state committed_state(const struct committed *c)
{
	return c->state;
}

const struct control *committed_control(const struct committed *c)
{
	return c->state == COMMITTED_READY ? c->load->control : NULL;
}

struct committed *committed_new(struct loop *loop, struct store *store,
				const struct control_config *config,
				void (*changed)(void *user), void *user)
{
	struct committed *c = mem_new(struct committed);
	*c = (struct committed){.loop = loop,
				.store = store,
				.config = *config,
				.changed = changed,
				.user = user};
	return c;
}

void committed_free(struct committed *c)
{
	if (c == NULL)
		return;
	committed_end(c);
	free(c);
}

/* zrms: the core, its store, and the order that never promises what a crash can take back. */
#include "base/str.h"
#include "zsim/world.h"

static bool dies_here(struct world *w)
{
	if (w->hooks.crash_here == NULL || !w->hooks.crash_here(w->hooks.user))
		return false;
	controller_crash(w);
	return true;
}

void controller_crash(struct world *w)
{
	if (w->control == NULL)
		return;
	world_log(w, "zrms dies");
	control_free(w->control);
	w->control = NULL;
	outbox_clear(&w->outbox);
	w->unflushed = false;
	for (size_t i = 0; i < w->links.count; i++)
		if (w->links.items[i].open)
			link_break(w, i + 1, false, true);
}

void controller_start(struct world *w)
{
	struct control_config config = CONTROL_CONFIG_DEFAULT;
	config.heartbeat_ms = w->options.heartbeat_ms;
	config.failure_timeout_ms = w->options.timeout_ms;
	config.check_ms = w->options.check_ms;
	config.margin_ms = w->options.margin_ms;
	config.on_disconnect_ms = w->options.on_disconnect_ms;
	w->control = control_new(&config, w->cluster);
	CLEANUP(error_freep) struct error *err = NULL;
	int r = 0;
	store_for_each (&w->store, record) {
		r = control_load(w->control, (enum record_kind)record->kind, record->data,
				 record->size, &err);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = control_start(w->control, world_instant(w), &w->outbox, &err);
	if (r < 0) {
		CLEANUP(freep) char *text = error_text(err);
		world_violate(w, "zrms cannot start from its own store: %s", text);
		return;
	}
	world_log(w, "zrms starts");
	controller_flush(w);
	vector_for_each (&w->nodes, n)
		if ((*n)->agent != NULL && (*n)->link == 0)
			node_connect_later(w, *n, 0);
}

static void log_event(struct world *w, const Samoza__V1__EventRecord *e)
{
	world_log(w, "    %s %s: %s -> %s (%s)", e->kind, e->subject,
		  e->from != NULL ? e->from : "-", e->to != NULL ? e->to : "-", e->cause);
}

static void commit(struct world *w)
{
	struct outbox *o = &w->outbox;
	if (w->hooks.committed != NULL)
		w->hooks.committed(w->hooks.user, o);
	vector_for_each (&o->records, r)
		store_put(&w->store, (int)r->kind, r->id, r->data, r->size);
	vector_for_each (&o->events, e) {
		log_event(w, *e);
		vector_push(&w->events, *e);
	}
	vector_clear(&o->events); /* the history owns them now */
}

static void tell(struct world *w)
{
	struct outbox *o = &w->outbox;
	vector_for_each (&o->messages, m) {
		if (dies_here(w))
			return;
		if (m->message != NULL)
			link_send(w, m->link, true, m->type, m->message);
		if (m->close)
			link_close_after(w, m->link);
	}
	vector_for_each (&o->replies, r) {
		if (dies_here(w))
			return;
		if (w->waiting == NULL || r->request != w->waiting_request)
			continue;
		w->waiting->answered = true;
		w->waiting->code = r->code;
		w->waiting->message = mem_strdup(r->message);
		if (r->message == NULL && r->error != NULL)
			w->waiting->message = mem_strdup(r->error->message);
		w->waiting->topology = mem_strdup(r->topology);
		w->waiting = NULL;
	}
}

void controller_flush(struct world *w)
{
	w->unflushed = false;
	control_flush(w->control, world_instant(w), &w->outbox);
	if (dies_here(w))
		return;
	commit(w);
	if (dies_here(w))
		return;
	tell(w);
	outbox_clear(&w->outbox);
}

void controller_take(struct world *w, const struct control_input *input)
{
	control_handle(w->control, world_instant(w), input, &w->outbox);
	if (dies_here(w))
		return;
	if (w->hooks.batch_more != NULL && input->request == 0)
		w->unflushed = true;
	else
		controller_flush(w);
}

void controller_ask(struct world *w, struct control_input *input, struct answer *ret_answer)
{
	*ret_answer = (struct answer){0};
	if (w->control == NULL)
		return;
	input->request = w->waiting_request = ++w->next_request;
	w->waiting = ret_answer;
	controller_take(w, input);
	w->waiting = NULL;
}

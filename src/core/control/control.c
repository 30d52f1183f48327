/*
 * The front door: inputs in, consequences out. See control.h for the contract.
 */
#include "core/control/control.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"

struct control *control_new(const struct control_config *config, const char *cluster)
{
	struct control *c = mem_new(struct control);
	c->config = *config;
	c->cluster = mem_strdup(cluster);
	c->next_epoch = c->next_sequence = c->next_event = 1;
	c->place = place_new(NULL);
	lifecycle_init(&c->lifecycle, &control_listener, c);
	return c;
}

static void free_loaded(struct control *c)
{
	vector_for_each (&c->loaded.topologies, r)
		samoza__v1__topology_record__free_unpacked(*r, NULL);
	vector_for_each (&c->loaded.instances, r)
		samoza__v1__instance_record__free_unpacked(*r, NULL);
	vector_for_each (&c->loaded.zhosts, r)
		samoza__v1__zhost_record__free_unpacked(*r, NULL);
	vector_done(&c->loaded.topologies);
	vector_done(&c->loaded.instances);
	vector_done(&c->loaded.zhosts);
}

void control_free(struct control *c)
{
	if (c == NULL)
		return;
	vector_clear(&c->marked);
	vector_clear(&c->deployments_marked);
	while (c->first != NULL)
		deployment_forget(c->first);
	for (struct zhost *z = c->zhosts, *next; z != NULL; z = next) {
		next = z->hh.next;
		zhost_free(z);
	}
	for (struct data_owner *o = c->data_owners, *next; o != NULL; o = next) {
		next = o->hh.next;
		HASH_DEL(c->data_owners, o);
		free(o->key);
		free(o);
	}
	forget_free(c);
	lifecycle_done(&c->lifecycle);
	place_free(c->place);
	heap_done(&c->deadlines);
	heap_done(&c->exclusion_timers);
	vector_done(&c->marked);
	vector_done(&c->deployments_marked);
	vector_done(&c->zhosts_marked);
	vector_done(&c->by_place);
	free_loaded(c);
	free(c->cluster);
	free(c);
}

void control_enter(struct control *c, struct instant now, struct outbox *outbox)
{
	c->now = now;
	c->lifecycle.now = now;
	c->outbox = outbox;
	c->actor = "operator";
}

static void apply(struct control *c, const struct control_input *input)
{
	struct zhost *z;
	switch (input->type) {
	case CONTROL_SUBMIT:
		request_submit(c, input);
		break;
	case CONTROL_TOPOLOGY:
		request_topology(c, input);
		break;
	case CONTROL_GOAL:
		request_goal(c, input);
		break;
	case CONTROL_ZHOST:
		zhost_request(c, input);
		break;
	case CONTROL_HELLO:
		zhost_hello(c, input->hello.link, input->hello.message);
		break;
	case CONTROL_REPORT:
		z = zhost_by_link(c, input->report.link);
		for (size_t k = 0; z != NULL && k < input->report.message->n_instances; k++) {
			report_apply(z, input->report.message->instances[k], false);
			lifecycle_settle(&c->lifecycle);
		}
		break;
	case CONTROL_HEARTBEAT:
		zhost_heartbeat(c, input->heartbeat.link, input->heartbeat.message);
		break;
	case CONTROL_CLOSED:
		zhost_closed(c, input->closed.link);
		break;
	case CONTROL_DATA:
		data_request(c, input->data.link, input->data.message);
		break;
	case CONTROL_FORGOTTEN:
		forget_acknowledged(c, input->forgotten.link, input->forgotten.message->epoch);
		break;
	case CONTROL_TICK:
		zhosts_tick(c);
		exclusions_tick(c);
		lifecycle_tick(&c->lifecycle);
		break;
	}
}

void control_handle(struct control *c, struct instant now, const struct control_input *input,
		    struct outbox *outbox)
{
	control_enter(c, now, outbox);
	if (input->actor != NULL)
		c->actor = input->actor;
	apply(c, input);
	lifecycle_settle(&c->lifecycle);
	deployments_settle(c);
	c->awake_ms = now.mono_ms;
}

void control_flush(struct control *c, struct instant now, struct outbox *outbox)
{
	control_enter(c, now, outbox);
	placing_run(c);
	deployments_settle(c);
	orders_send(c);
	tables_send(c);
	write_records(c);
	c->count.flushes++;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t control_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->exclusion_timers);
	int64_t next = earlier(zhosts_next_ms(c), lifecycle_next_ms(&c->lifecycle));
	return n != NULL ? earlier(next, n->key) : next;
}

bool control_is_busy(const struct control *c, struct instant now, char **ret_what)
{
	const struct heap_node *n = heap_first(&c->lifecycle.holds);
	(void)now;
	if (n == NULL)
		return false;
	const struct instance *i = container_of(n, struct instance, hold_timer);
	if (ret_what != NULL)
		*ret_what = str_printf("%s/%s waits for the margin of its lost copy",
				       deployment_of(i)->name, instance_decl(i)->path);
	return true;
}

uint64_t control_link_of(const struct control *c, const char *zhost)
{
	const struct zhost *z = zhost_find(c, zhost);
	return z != NULL ? z->link : 0;
}

int control_link_of_instance(const struct control *c, const char *id, const char *path,
			     uint64_t *ret_link, struct error **err)
{
	struct deployment *d = deployment_find(c, id);
	if (d == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	const struct instance *i = request_find(d, path, err);
	if (i == NULL)
		return ERR_NOT_FOUND;
	const struct zhost *z = i->zhost != NULL ? i->zhost : i->last_zhost;
	if (z == NULL)
		return error_set(err, ERR_CONFLICT,
				 "%s/%s has not been on any zhost: there is no log of it",
				 d->name, path);
	if (z->link == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "the log of %s/%s is on zhost %s, which cannot be reached",
				 d->name, path, z->name);
	*ret_link = z->link;
	return 0;
}

int control_resolve(const struct control *c, const char *text, const char **ret_id,
		    struct error **err)
{
	const struct deployment *d = deployment_find(c, text);
	if (d == NULL)
		d = deployment_by_name(c, text);
	if (d != NULL) {
		*ret_id = d->id;
		return 0;
	}
	const struct deployment *found = NULL;
	for (d = c->first; d != NULL && !str_is_empty(text); d = d->next) {
		if (!str_has_prefix(d->id, text))
			continue;
		if (found != NULL)
			return error_set(
				err, ERR_CONFLICT,
				"'%s' could be %s (%s) or %s (%s): give more of the id", text,
				found->id, found->name, d->id, d->name);
		found = d;
	}
	if (found == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology '%s'; see: zshell topo list",
				 text);
	*ret_id = found->id;
	return 0;
}

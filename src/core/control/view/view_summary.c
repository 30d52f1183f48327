#include "core/control/view/summary.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/drain.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/zhost_event.h"
#include "core/control/view/list_filter.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

#define NEW(Type, type) \
	((Samoza__V1__##Type *)schema_message_new(&samoza__v1__##type##__descriptor))

enum { ATTENTION_MAX = 200 };

/* ---- head ---- */

static void add_amount(Samoza__V1__AmountView *v, uint64_t total, uint64_t reserved)
{
	v->total += total;
	v->reserved += reserved;
}

static struct place_usage usage_of(const struct control *c, const struct control_zhost *z)
{
	if (z->place != PLACE_NONE)
		return place_zhost_usage(c->place, z->place);
	return (struct place_usage){.cpu_offered = z->spec.cpu_millicores,
				    .memory_offered = z->spec.memory_bytes};
}

static void add_zhosts(const struct control *c, Samoza__V1__SummaryView *v)
{
	unsigned states[STATE_COUNT] = {0};
	zhost_for_each (&c->zhosts, z) {
		if (z->removed)
			continue;
		states[zhost_shown(c, z)]++;
		v->open_zhosts += z->state == ZHOST_STARTED && !z->cordoned;
		struct place_usage usage = usage_of(c, z);
		add_amount(v->cpu_millicores, usage.cpu_offered, usage.cpu_reserved);
		add_amount(v->memory_bytes, usage.memory_offered, usage.memory_reserved);
		add_amount(v->devices, usage.devices_offered,
			   usage.devices_offered - usage.devices_whole_free);
	}
	made_zhost_for_each(&c->made, m) if (!made_zhost_has_zhost(c, m))
		states[made_zhost_shown(m)]++;
	v->zhost_states =
		view_state_counts(states, STATE_COUNT, view_name_of_state, &v->n_zhost_states);
}

static void add_topologies(const struct control *c, const struct list_filter *filter,
			   Samoza__V1__SummaryView *v)
{
	unsigned topologies[TOPOLOGY_STATE_COUNT] = {0}, spaces[STATE_COUNT] = {0};
	application_for_each (&c->applications, a) {
		if (!list_filter_takes_topology(filter, a))
			continue;
		topologies[a->state]++;
		for (unsigned s = 0; s < STATE_COUNT; s++)
			spaces[s] += a->slots.in_state[s];
	}
	v->topology_states =
		view_state_counts(topologies, TOPOLOGY_STATE_COUNT, view_name_of_topology_state,
				  &v->n_topology_states);
	v->space_states =
		view_state_counts(spaces, STATE_COUNT, view_name_of_state, &v->n_space_states);
}

Samoza__V1__SummaryView *control_view_summary_head(const struct control *c,
						   const struct list_filter *filter,
						   int64_t wall_ms)
{
	Samoza__V1__SummaryView *v = NEW(SummaryView, summary_view);
	v->seq = control_newest_event(c);
	v->id = mem_strdup(c->cluster);
	v->time = iso8601_text(wall_ms);
	v->cpu_millicores = NEW(AmountView, amount_view);
	v->memory_bytes = NEW(AmountView, amount_view);
	v->devices = NEW(AmountView, amount_view);
	add_zhosts(c, v);
	add_topologies(c, filter, v);
	view_attention(c, filter, ATTENTION_MAX, v);
	return v;
}

/* ---- zhosts ---- */

static Samoza__V1__LabelColumnView *label_column(Samoza__V1__SummaryZhostsView *v,
						 const char *name, size_t count)
{
	for (size_t k = 0; k < v->n_labels; k++)
		if (str_equal(v->labels[k]->name, name))
			return v->labels[k];
	v->labels = mem_resize(v->labels, v->n_labels + 1, sizeof(*v->labels));
	Samoza__V1__LabelColumnView *column = NEW(LabelColumnView, label_column_view);
	column->name = mem_strdup(name);
	column->values = mem_new_array(char *, count);
	column->n_values = count;
	for (size_t k = 0; k < count; k++)
		column->values[k] = mem_strdup("");
	return v->labels[v->n_labels++] = column;
}

static void set_label(Samoza__V1__SummaryZhostsView *v, size_t count, size_t k,
		      const char *name, const char *value)
{
	if (str_equal(name, ZHOST_LABEL))
		return; /* its name is shown as such */
	char **cell = &label_column(v, name, count)->values[k];
	free(*cell);
	*cell = mem_strdup(value);
}

static char *time_text(int64_t wall_ms)
{
	return wall_ms != 0 ? iso8601_text(wall_ms) : mem_strdup("");
}

static void set_zhost(const struct control *c, const struct control_zhost *z,
		      Samoza__V1__SummaryZhostsView *v, size_t count, size_t k)
{
	struct place_usage usage = usage_of(c, z);
	v->states[k] = mem_strdup(state_name(zhost_shown(c, z)));
	v->cordoned[k] = z->cordoned;
	v->drains[k] = mem_strdup(z->drain != NULL ? drain_state_name(z->drain->state) : "");
	v->left[k] = z->drain != NULL ? (uint32_t)z->drain->left.count : 0;
	v->since[k] = time_text(z->since_ms);
	v->heard[k] = time_text(z->heard_wall_ms);
	for (const struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		v->instances[k] += !copy->unit->lost;
	v->cpu_total[k] = usage.cpu_offered;
	v->cpu_reserved[k] = usage.cpu_reserved;
	v->memory_total[k] = usage.memory_offered;
	v->memory_reserved[k] = usage.memory_reserved;
	v->devices_total[k] = usage.devices_offered;
	v->devices_reserved[k] = usage.devices_offered - usage.devices_whole_free;
	if (z->heard_wall_ms != 0) {
		v->cpu_used[k] = z->usage.cpu_millicores;
		v->memory_used[k] = z->usage.memory_bytes;
	}
	for (unsigned l = 0; l < z->spec.labels.count; l++)
		set_label(v, count, k, z->spec.labels.items[l].name,
			  z->spec.labels.items[l].value);
}

/* Nothing of it has come. */
static void set_made(const struct made_zhost *m, Samoza__V1__SummaryZhostsView *v, size_t count,
		     size_t k)
{
	const Samoza__V1__MachineRecord *r = m->record;
	v->states[k] = mem_strdup(state_name(made_zhost_shown(m)));
	v->drains[k] = mem_strdup("");
	v->since[k] = time_text(r->since_ms);
	v->heard[k] = mem_strdup("");
	for (size_t l = 0; l < r->n_labels; l++)
		set_label(v, count, k, r->labels[l]->name, r->labels[l]->value);
}

static Samoza__V1__SummaryZhostsView *columns_new(size_t count)
{
	Samoza__V1__SummaryZhostsView *v = NEW(SummaryZhostsView, summary_zhosts_view);
	v->names = mem_new_array(char *, v->n_names = count);
	v->states = mem_new_array(char *, v->n_states = count);
	v->cordoned = mem_new_array(protobuf_c_boolean, v->n_cordoned = count);
	v->drains = mem_new_array(char *, v->n_drains = count);
	v->left = mem_new_array(uint32_t, v->n_left = count);
	v->since = mem_new_array(char *, v->n_since = count);
	v->heard = mem_new_array(char *, v->n_heard = count);
	v->instances = mem_new_array(uint32_t, v->n_instances = count);
	v->cpu_total = mem_new_array(uint64_t, v->n_cpu_total = count);
	v->cpu_reserved = mem_new_array(uint64_t, v->n_cpu_reserved = count);
	v->cpu_used = mem_new_array(uint64_t, v->n_cpu_used = count);
	v->memory_total = mem_new_array(uint64_t, v->n_memory_total = count);
	v->memory_reserved = mem_new_array(uint64_t, v->n_memory_reserved = count);
	v->memory_used = mem_new_array(uint64_t, v->n_memory_used = count);
	v->devices_total = mem_new_array(uint32_t, v->n_devices_total = count);
	v->devices_reserved = mem_new_array(uint32_t, v->n_devices_reserved = count);
	return v;
}

Samoza__V1__SummaryZhostsView *
control_view_summary_zhosts(const struct control *c, struct list_position *position, size_t max)
{
	static const struct list_filter all;
	Samoza__V1__SummaryZhostsView *v = NULL;
	named_zhost_list left;
	view_zhosts_after(c, &all, position->name, max, &left);
	size_t count = left.count;
	if (count > 0) {
		v = columns_new(count);
		v->seq = control_newest_event(c);
		free(position->name);
		position->name = mem_strdup(left.items[count - 1].name);
	}
	for (size_t k = 0; k < count; k++) {
		const struct named_zhost *one = &left.items[k];
		v->names[k] = mem_strdup(one->name);
		if (one->zhost != NULL)
			set_zhost(c, one->zhost, v, count, k);
		else
			set_made(one->made, v, count, k);
	}
	vector_done(&left);
	return v;
}

/* ---- topologies ---- */

static Samoza__V1__SummarySpaceView *space_counts(const struct slot_space *space)
{
	unsigned states[STATE_COUNT] = {0};
	Samoza__V1__SummarySpaceView *v = NEW(SummarySpaceView, summary_space_view);
	v->space = mem_strdup(space->name);
	vector_for_each (&space->slots, s)
		states[(*s)->state]++;
	v->states = view_state_counts(states, STATE_COUNT, view_name_of_state, &v->n_states);
	return v;
}

Samoza__V1__SummaryTopologyView *view_counts(const struct control_application *a)
{
	unsigned states[STATE_COUNT];
	Samoza__V1__SummaryTopologyView *v = NEW(SummaryTopologyView, summary_topology_view);
	v->seq = control_newest_event(a->control);
	v->topology = view_summary(a);
	for (unsigned s = 0; s < STATE_COUNT; s++)
		states[s] = a->slots.in_state[s];
	v->states = view_state_counts(states, STATE_COUNT, view_name_of_state, &v->n_states);
	v->spaces = mem_new_array(Samoza__V1__SummarySpaceView *, a->slots.spaces.count);
	vector_for_each (&a->slots.spaces, space)
		if ((*space)->slots.count > 0)
			v->spaces[v->n_spaces++] = space_counts(*space);
	v->rollout = view_rollout(a);
	return v;
}

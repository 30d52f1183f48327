#include "core/control/application/forget.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "schema/message.h"

/* At its place by epoch: records are loaded in any order. */
static void insert(struct control *c, const char *name, uint64_t epoch)
{
	size_t at = c->forgotten.count;
	(void)vector_add(&c->forgotten);
	for (; at > 0 && c->forgotten.items[at - 1].epoch > epoch; at--)
		c->forgotten.items[at] = c->forgotten.items[at - 1];
	c->forgotten.items[at] = (struct forgotten){mem_strdup(name), epoch};
}

void forget_load(struct control *c, const Samoza__V1__ForgottenRecord *record)
{
	insert(c, record->topology_name, record->epoch);
}

void forget_done(struct control *c)
{
	vector_for_each (&c->forgotten, f)
		free(f->name);
	vector_done(&c->forgotten);
}

void forget_send(struct control *c, struct control_zhost *z)
{
	size_t from = c->forgotten.count;
	while (from > 0 && c->forgotten.items[from - 1].epoch > z->forgotten_epoch)
		from--;
	size_t count = c->forgotten.count - from;
	if (count == 0 || z->link_id == 0)
		return;
	Samoza__V1__DataForget *m = (Samoza__V1__DataForget *)schema_message_new(
		&samoza__v1__data_forget__descriptor);
	m->topologies = mem_new_array(Samoza__V1__ForgottenData *, count);
	for (; m->n_topologies < count; m->n_topologies++) {
		const struct forgotten *f = &c->forgotten.items[from + m->n_topologies];
		Samoza__V1__ForgottenData *t = (Samoza__V1__ForgottenData *)schema_message_new(
			&samoza__v1__forgotten_data__descriptor);
		t->topology_name = mem_strdup(f->name);
		t->epoch = f->epoch;
		m->topologies[m->n_topologies] = t;
	}
	emit_message(&c->emitter, z->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET, m,
		     false);
}

void forget_trim(struct control *c)
{
	uint64_t done = UINT64_MAX;
	if (c->forgotten.count == 0)
		return;
	zhost_for_each (&c->zhosts, z)
		if (!z->removed && z->forgotten_epoch < done)
			done = z->forgotten_epoch;
	while (c->forgotten.count > 0 && c->forgotten.items[0].epoch <= done) {
		records_write_forgotten(c, c->forgotten.items[0].name, 0);
		free(c->forgotten.items[0].name);
		vector_remove_at(&c->forgotten, 0);
	}
}

void forget_data(struct control *c, const char *name)
{
	uint64_t epoch = c->next_epoch++;
	for (size_t k = 0; k < c->forgotten.count; k++)
		if (str_equal(c->forgotten.items[k].name, name)) {
			free(c->forgotten.items[k].name);
			vector_remove_at(&c->forgotten, k--);
		}
	insert(c, name, epoch);
	records_write_forgotten(c, name, epoch);
	zhost_for_each (&c->zhosts, z)
		forget_send(c, z);
	forget_trim(c); /* where there is no zhost at all */
}

void forget_acknowledged(struct control *c, uint64_t link_id, uint64_t epoch)
{
	struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	if (z == NULL || epoch <= z->forgotten_epoch || epoch >= c->next_epoch)
		return;
	z->forgotten_epoch = epoch;
	mark_zhost(z);
	forget_trim(c);
}

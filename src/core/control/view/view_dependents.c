/*
 * Which spaces of other topologies import from one [change.imports.public].
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
#include "schema/message.h"

/* What a slot that is to run imports from the set, as the copy that serves it declares; NULL. */
static const struct import_decl *import_of(const struct slot *s,
					   const struct provider_set *from)
{
	const struct declaration *declared = s->serving.declared;
	for (unsigned k = 0; k < declared->space->import_count; k++)
		if (declared->imports[k] == from && s->goal == GOAL_DEPLOYED_STARTED)
			return &declared->space->imports[k];
	return NULL;
}

static void add(Samoza__V1__TopologyView *v, const struct importer *importer,
		const struct import_decl *import)
{
	Samoza__V1__DependentView *d = (Samoza__V1__DependentView *)schema_message_new(
		&samoza__v1__dependent_view__descriptor);
	d->space = str_printf("%s/%s", importer->set->name,
			      importer->set->spaces.items[importer->space]->name);
	d->from = mem_strdup(import->from);
	d->optional_import = import->optional;
	v->dependents = mem_resize(v->dependents, v->n_dependents + 1, sizeof(*v->dependents));
	v->dependents[v->n_dependents++] = d;
}

static void add_importer(Samoza__V1__TopologyView *v, const struct provider_set *from,
			 const struct importer *importer)
{
	vector_for_each (&importer->set->spaces.items[importer->space]->slots, s) {
		const struct import_decl *import = import_of(*s, from);
		if (import == NULL)
			continue;
		add(v, importer, import);
		return;
	}
}

static int compare(const void *pa, const void *pb)
{
	const Samoza__V1__DependentView *const *a = pa, *const *b = pb;
	int order = strcmp((*a)->space, (*b)->space);
	return order != 0 ? order : strcmp((*a)->from, (*b)->from);
}

void view_dependents(const struct control_application *a, Samoza__V1__TopologyView *v)
{
	vector_for_each (&a->slots.shared, from)
		if (str_equal((*from)->topology, a->name))
			vector_for_each (&(*from)->importers, importer)
				add_importer(v, *from, importer);
	if (v->n_dependents > 1)
		qsort(v->dependents, v->n_dependents, sizeof(*v->dependents), compare);
}

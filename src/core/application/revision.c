#include "core/application/revision.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

struct revision *revision_new(Samoza__V1__RevisionRecord *take_record)
{
	struct revision *r = mem_new(struct revision);
	r->number = take_record->number;
	r->record = take_record;
	return r;
}

void revision_free(struct revision *r)
{
	INVARIANT(r->placements == 0);
	revision_close(r);
	samoza__v1__revision_record__free_unpacked(r->record, NULL);
	free(r);
}

void revision_open(struct revision *r, struct topology *topology)
{
	PRE(r->topology == NULL);
	r->topology = topology_ref(topology);
	r->artifacts = mem_new_array(const Samoza__V1__SpaceArtifacts *, topology->space_count);
	for (size_t k = 0; k < r->record->n_artifacts; k++) {
		int space = topology_find_space(topology, r->record->artifacts[k]->space);
		if (space >= 0)
			r->artifacts[space] = r->record->artifacts[k];
	}
}

void revision_close(struct revision *r)
{
	if (r->topology == NULL)
		return;
	topology_unref(r->topology);
	r->topology = NULL;
	free(r->artifacts);
	r->artifacts = NULL;
}

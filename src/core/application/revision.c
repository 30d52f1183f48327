#include "core/application/revision.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/diff.h"

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
	r->contents = mem_new_array(struct revision_content, topology->space_count);
	for (size_t k = 0; k < r->record->topology->n_spaces; k++) {
		const Samoza__V1__Space *declared = r->record->topology->spaces[k];
		int space = topology_find_space(topology, declared->name);
		if (space >= 0)
			r->contents[space].declared = declared;
	}
}

void revision_close(struct revision *r)
{
	if (r->topology == NULL)
		return;
	topology_unref(r->topology);
	r->topology = NULL;
	free(r->artifacts);
	free(r->contents);
	r->artifacts = NULL;
	r->contents = NULL;
}

bool revision_content(const struct revision *r, const char *path, uint64_t *ret_content)
{
	PRE(r->topology != NULL);
	int instance = path != NULL ? topology_find_instance(r->topology, path) : -1;
	if (instance < 0)
		return false;
	unsigned space = r->topology->instances[instance].space;
	struct revision_content *content = &r->contents[space];
	if (!content->is_known && content->declared != NULL)
		content->hash = space_content(content->declared, r->artifacts[space]);
	content->is_known = true;
	*ret_content = content->hash;
	return true;
}

const char *revision_result_name(const char *text)
{
	static const char *const names[] = {"failed", "aborted", "superseded"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		if (str_equal(text, names[k]))
			return names[k];
	return NULL;
}

const char *revision_version(const struct revision *r)
{
	return r->record->version != NULL ? r->record->version : "0.0.0";
}

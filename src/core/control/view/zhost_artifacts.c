#include <stdlib.h>

#include "base/str.h"
#include "core/control/application/applications.h"
#include "core/control/control.h"
#include "core/control/state/state.h"
#include "core/control/zhost/zhosts.h"
#include "model/topology.h"

static bool has_file(Samoza__V1__AssetFile *const *files, size_t count, const char *digest)
{
	for (size_t k = 0; k < count; k++)
		if (str_equal(files[k]->digest, digest))
			return true;
	return false;
}

static bool has_artifact(const Samoza__V1__SpaceArtifacts *a, const char *digest)
{
	return a != NULL &&
	       (str_equal(a->module_digest, digest) || str_equal(a->native_digest, digest) ||
		has_file(a->assets, a->n_assets, digest) ||
		has_file(a->recipes, a->n_recipes, digest) ||
		has_file(a->config, a->n_config, digest));
}

/* Of one that is retired, the revision alone is known. */
static bool copy_needs(const struct copy *copy, const char *digest)
{
	const struct revision *revision = copy->revision;
	const Samoza__V1__RevisionRecord *record = revision->record;
	if (copy->declared != NULL)
		return has_artifact(revision->artifacts[copy->declared->space->index], digest);
	for (size_t k = 0; k < record->n_artifacts; k++)
		if (has_artifact(record->artifacts[k], digest))
			return true;
	return false;
}

/* Each zhost serves the pages of all, to everybody who reaches it. */
static bool is_page(const struct control *c, const char *digest)
{
	for (const struct control_application *a = c->applications.first; a != NULL;
	     a = a->next)
		vector_for_each (&a->application.revisions, revision) {
			const Samoza__V1__RevisionRecord *record = (*revision)->record;
			for (size_t k = 0; k < record->n_artifacts; k++)
				if (has_file(record->artifacts[k]->assets,
					     record->artifacts[k]->n_assets, digest))
					return true;
		}
	return false;
}

bool control_zhost_needs(const struct control *c, const char *zhost, const char *digest)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, zhost);
	for (const struct copy *copy = z != NULL ? z->first_copy : NULL; copy != NULL;
	     copy = copy->next_on_zhost)
		if (copy_needs(copy, digest))
			return true;
	return z != NULL && z->zedge != NULL && is_page(c, digest);
}

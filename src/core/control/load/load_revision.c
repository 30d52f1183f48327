#include "core/control/load/load_revision.h"

#include "core/control/state/state.h"
#include "model/compile.h"

int load_revision(struct control *c, struct control_application *a, uint32_t number,
		  struct revision **ret_revision, struct error **err)
{
	struct revision *revision = application_revision(&a->application, number);
	if (revision == NULL)
		return error_set(err, ERR_INVALID, "topology %s in the store lacks revision %u",
				 a->name, number);
	*ret_revision = revision;
	if (revision->topology != NULL)
		return 0;
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	int r = topology_compile(revision->record->topology, NULL, NULL, NULL, &topology, err);
	if (r < 0)
		return error_wrap(err, "topology %s, revision %u in the store", a->name,
				  number);
	application_open_revision(a, c->place, revision, topology);
	return 0;
}

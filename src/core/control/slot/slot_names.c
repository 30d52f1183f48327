#include "core/control/slot/slot_names.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/state.h"
#include "core/lifecycle/slot_set.h"

/* Who knows instances by their names sees one that goes, and one that comes in its state. */
static void emit(struct control *c, const struct slot *s, const char *before, const char *cause)
{
	const struct control_application *a = application_of(s);
	const char *none = state_name(STATE_NOT_DEPLOYED), *state = state_name(s->state);
	if (s->state == STATE_NOT_DEPLOYED)
		return;
	CLEANUP(freep) char *former = str_printf("%s/%s", a->name, before);
	CLEANUP(freep) char *present = str_printf("%s/%s", a->name, s->path);
	CLEANUP(freep) char *becomes = str_printf("it is %s from now on: %s", s->path, cause);
	CLEANUP(freep) char *was = str_printf("it was %s before: %s", before, cause);
	emit_event(&c->emitter, "space", former, state, none, a->id, becomes);
	emit_event(&c->emitter, "space", present, none, state, a->id, was);
}

static void rename_slot(struct control *c, struct slot_control *sc, const char *path,
			const char *cause)
{
	struct slot *s = sc->slot;
	struct control_application *a = application_of(s);
	CLEANUP(freep) char *before = mem_strdup(s->path);
	slot_set_name(s, path);
	application_rename(a, sc->of_path, path);
	if (sc->recorded == NULL)
		sc->recorded = mem_strdup(before);
	else if (str_equal(sc->recorded, path))
		free(steal_ptr(&sc->recorded));
	*vector_add(&a->routes.former) = (struct former_route){
		steal_ptr(&before), mem_strdup(slot_declared_space(s)->name)};
	mesh_tables_mark(sc);
	mark_slot(sc);
	emit(c, s, vector_last(&a->routes.former)->path, cause);
}

void slot_name_restore(struct slot_control *sc, const char *path)
{
	if (str_equal(path, sc->slot->path))
		return;
	slot_set_name(sc->slot, path);
	application_rename(application_of(sc->slot), sc->of_path, path);
	free(steal_ptr(&sc->recorded));
}

void slot_names_follow(struct control *c, struct slot_control *root,
		       const struct revision *revision, const char *cause)
{
	slot_for_each_below (root->slot, s) {
		const char *path = revision_path(revision, s);
		if (path != NULL && !str_equal(path, s->path))
			rename_slot(c, control_of_slot(s), path, cause);
	}
}

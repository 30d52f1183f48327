#include "core/control/exec.h"

#include "base/str.h"
#include "core/control/application/applications.h"
#include "core/control/control.h"
#include "core/control/request/access_check.h"
#include "core/control/slot/copies.h"
#include "core/control/state/state.h"
#include "model/space_kind.h"

static int check(const struct control_application *a, const struct slot *s, struct error **err)
{
	const struct slot_control *sc = control_of_slot(s);
	const struct space *space = slot_declared_space(s);
	const struct control_zhost *z = slot_zhost(sc);

	if (!space_kind_of_type(space->type)->has_recipes)
		return error_set(err, ERR_UNSUPPORTED,
				 "no command can be run in %s/%s: it is a %s space, and only "
				 "NATIVE spaces run programs",
				 a->name, s->path, space_type_name(space->type));
	if (s->state != STATE_DEPLOYED_STARTED || z == NULL)
		return error_set(err, ERR_CONFLICT,
				 "no command can be run in %s/%s: it is %s, not "
				 "deployed-started; start it first",
				 a->name, s->path, state_name(s->state));
	if (z->link_id == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "no command can be run in %s/%s: its zhost %s cannot be "
				 "reached",
				 a->name, s->path, z->name);
	return 0;
}

int control_exec_find(const struct control *c, const char *id, const char *path,
		      struct control_exec *ret, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, id);
	const struct slot *s;
	int r;

	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	s = application_served_slot(a, path, err);
	if (s == NULL)
		return ERR_NOT_FOUND;
	r = check(a, s, err);
	if (r < 0 && r != ERR_UNAVAILABLE)
		return r;
	const struct slot_control *sc = control_of_slot(s);
	*ret = (struct control_exec){.topology = a->id,
				     .path = s->path,
				     .epoch = serving_copy(sc)->of_slot.epoch,
				     .zhost = slot_zhost(sc)->name,
				     .link_id = slot_zhost(sc)->link_id};
	return r;
}

/* Who runs a command there can read the token of the instance. */
static int check_grant(const struct control *c, const struct control_input *input,
		       struct error **err)
{
	const struct control_application *a =
		application_by_id(&c->applications, input->exec.id);
	const struct slot *s = application_served_slot(a, input->exec.path, err);
	return s != NULL ? access_check_grant(input->principal, slot_declared_space(s), a->name,
					      err)
			 : ERR_NOT_FOUND;
}

void request_exec(struct control *c, const struct control_input *input)
{
	struct control_exec found;
	struct error *err = NULL;

	if (control_exec_find(c, input->exec.id, input->exec.path, &found, &err) == 0 &&
	    check_grant(c, input, &err) == 0) {
		const struct control_application *a =
			application_by_id(&c->applications, input->exec.id);
		CLEANUP(freep) char *subject = str_printf("%s/%s", a->name, found.path);
		CLEANUP(freep)
		char *cause = str_printf("'%s' run by %s", input->exec.program, c->actor);

		emit_event(&c->emitter, "exec", subject, NULL, found.zhost, a->id, cause);
	}
	emit_reply(&c->emitter, input->request, err, input->exec.id, input->exec.path, NULL);
}

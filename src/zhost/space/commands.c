#include "zhost/space/commands.h"

#include <unistd.h>

#include "zhost/space/residents_private.h"

/* ---- what becomes of them ---- */

void resident_command(const struct resident *r, const struct command_report *report)
{
	const struct residents *rs = r->owner;
	if (rs->commands != NULL)
		rs->commands->report(rs->commands_user, report);
}

void resident_commands_lost(const struct resident *r)
{
	const struct residents *rs = r->owner;
	if (rs->commands != NULL)
		rs->commands->lost(rs->commands_user, r->key);
}

/* ---- commands ---- */

void residents_listen_commands(struct residents *rs, const struct commands_listener *listener,
			       void *user)
{
	rs->commands = listener;
	rs->commands_user = user;
}

static int may_exec(const struct resident *r, struct error **err)
{
	if (r == NULL)
		return error_set(err, ERR_NOT_FOUND, "the instance is no longer here");
	if (!r->runtime->kind->has_recipes)
		return error_set(err, ERR_UNSUPPORTED,
				 "commands are run in NATIVE spaces only: there is no program "
				 "to run beside a module or a page");
	if (r->process == NULL ||
	    (r->state != RESIDENT_STARTED && r->state != RESIDENT_UPDATING))
		return error_set(err, ERR_CONFLICT, "the instance is not running");
	return 0;
}

int residents_exec(struct residents *rs, const Samoza__V1__InstanceKey *key,
		   const struct zrun_command *command, const int *fds, struct error **err)
{
	const struct resident *r = resident_find(rs, key);
	int result = may_exec(r, err);
	if (result == 0)
		return zrun_process_exec(r->process, command, fds, err);
	for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
		close(fds[f]);
	return result;
}

void residents_exec_signal(struct residents *rs, const Samoza__V1__InstanceKey *key,
			   uint32_t session, int signal)
{
	const struct resident *r = resident_find(rs, key);
	if (r != NULL && r->process != NULL)
		zrun_process_exec_signal(r->process, session, signal);
}

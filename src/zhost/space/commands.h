/*
 * Commands that people run in started NATIVE instances, as residents pass them on: to the process, and what
 * becomes of them to one listener.
 */
#ifndef SAMOZA_ZHOST_SPACE_COMMANDS_H
#define SAMOZA_ZHOST_SPACE_COMMANDS_H

#include "zhost/process/zrun_process.h"

struct resident;
struct residents;

struct commands_listener {
	void (*report)(void *user, const struct command_report *report);
	/* No command runs in this copy any more, or will soon: its process has ended, or the connection
	 * with it. */
	void (*lost)(void *user, const Samoza__V1__InstanceKey *key);
};
/* Both borrowed; NULL: nobody listens. */
void residents_listen_commands(struct residents *rs, const struct commands_listener *listener,
			       void *user);
/* Runs a command in the copy, as zrun_process_exec(). ERR_NOT_FOUND, ERR_CONFLICT: it is not here, it does not
 * run; ERR_UNSUPPORTED: it is not NATIVE. `fds` are taken over in any case. */
int residents_exec(struct residents *rs, const Samoza__V1__InstanceKey *key,
		   const struct zrun_command *command, const int *fds,
		   struct error **err) must_check;
void residents_exec_signal(struct residents *rs, const Samoza__V1__InstanceKey *key,
			   uint32_t session, int signal);

/* ---- for what runs residents ---- */

void resident_command(const struct resident *r, const struct command_report *report);
void resident_commands_lost(const struct resident *r);

#endif

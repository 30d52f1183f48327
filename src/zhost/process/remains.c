#include "zhost/process/remains.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "adapter/sandbox/cgroup.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrun/protocol/process_identity.h"
#include "zrun/protocol/protocol.h"

void remains_read(struct remains *r, int run_fd, const char *instance)
{
	CLEANUP(freep) char *name = str_printf("%s.e", instance);
	CLEANUP(closep) int fd = openat(run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct {
		struct zrun_frame frame;
		struct zrun_keeper keeper;
	} __attribute__((packed)) first;
	*r = (struct remains){0};
	if (fd < 0 || read(fd, &first, sizeof(first)) != sizeof(first) ||
	    first.frame.type != ZRUN_KEEPER || first.frame.size != sizeof(first.keeper))
		return;
	r->keeper = (pid_t)first.keeper.pid;
	r->start = first.keeper.start;
	r->is_first = first.keeper.is_first != 0;
	(void)snprintf(r->group, sizeof(r->group), "%s", instance);
}

bool remains_end(const struct remains *r)
{
	if (r->keeper <= 0)
		return true;
	if (process_identity_runs(r->keeper, r->start)) {
		/* Where it is no namespace's first, it ends the others itself. */
		if (r->is_first)
			process_identity_kill(r->keeper, r->start);
		return false;
	}
	return cgroup_kill(r->group) == 0;
}

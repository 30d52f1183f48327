#include "zhost/native/native_limits.h"

#include "adapter/log/log.h"
#include "zhost/native/connects_probe.h"

/* NULL: by none. */
static char *group_of(const struct cgroup *group, uint32_t controller)
{
	static const char *const names[] = {"cgroup1", "cgroup2"};
	if ((group->limited & controller) == 0)
		return NULL;
	return (char *)names[(group->unified & controller) != 0];
}

void native_limits_probe(struct native_limits *limits)
{
	struct cgroup *group = &limits->group;
	Samoza__V1__Limits *m = &limits->message;
	samoza__v1__limits__init(m);
	cgroup_probe(group);
	m->memory = group_of(group, CGROUP_MEMORY);
	m->cpu = group_of(group, CGROUP_CPU);
	m->processes = group_of(group, CGROUP_PIDS_);
	if (group->missing[0] != '\0')
		m->why = group->missing;
	const char *why_open = connects_probe();
	m->ports = why_open == NULL ? (char *)"seccomp" : NULL;
	m->ports_why = (char *)(uintptr_t)why_open;
	log_info("zhost", "limits", LOG_S("memory", m->memory), LOG_S("cpu", m->cpu),
		 LOG_S("processes", m->processes), LOG_S("why", m->why),
		 LOG_S("ports", m->ports), LOG_S("ports_why", m->ports_why));
}

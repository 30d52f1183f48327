#include "zrms/descriptors.h"

#include <sys/resource.h>

enum {
	WANTED = 65536,
	SPARE = 512,	    /* for files, children and libraries */
	LINKS_PART = 2,	    /* links of zhosts: one of so many parts */
	PER_CONNECTION = 3, /* over TLS */
	CONNECTIONS_MIN = 64,
	WAITING_PART = 16,
	WAITING_LIMIT = 1024,
};

void descriptors_raise(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	rlim_t want = limit.rlim_max < WANTED ? limit.rlim_max : WANTED;
	if (limit.rlim_cur < want) {
		limit.rlim_cur = want;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

unsigned descriptors_connections(unsigned descriptors)
{
	unsigned kept = SPARE + descriptors / LINKS_PART;
	unsigned most = descriptors > kept ? (descriptors - kept) / PER_CONNECTION : 0;
	return most > CONNECTIONS_MIN ? most : CONNECTIONS_MIN;
}

unsigned descriptors_links(unsigned descriptors)
{
	return descriptors / LINKS_PART;
}

unsigned descriptors_waiting(unsigned descriptors)
{
	unsigned part = descriptors / WAITING_PART;
	return part < WAITING_LIMIT ? part : WAITING_LIMIT;
}

unsigned descriptors_now(void)
{
	struct rlimit limit = {.rlim_cur = 1024};
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur < WANTED ? (unsigned)limit.rlim_cur : WANTED;
}

#include "adapter/netns/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/str.h"

#define NAMESPACES   "/run/netns"
#define THIS_MACHINE 254
#define SAID_MAX     4096

/* ---------------------------------------------------------------- the program `ip` */

/* A file in memory that holds `text`, read from its beginning; -1 with errno. */
static int file_of(const char *text)
{
	int fd = memfd_create("ip", MFD_CLOEXEC);
	size_t size = text != NULL ? strlen(text) : 0;

	if (fd < 0 || (size > 0 && write(fd, text, size) != (ssize_t)size) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		closep(&fd);
	return fd;
}

static int run(char *const *words, int in, int out, int *ret_status)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	errno = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (errno != 0)
		return -1;
	while (waitpid(pid, ret_status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

/* Runs the lines of `batch` in the namespace (NULL: this machine's) until one fails. */
static int ip(const char *space, const char *batch, struct error **err)
{
	static char program[] = "ip", in_space[] = "-netns", from_input[] = "-batch",
		    input[] = "-";
	CLEANUP(freep) char *name = space != NULL ? mem_strdup(space) : NULL;
	char *here[] = {program, from_input, input, NULL};
	char *there[] = {program, in_space, name, from_input, input, NULL};
	CLEANUP(closep) int in = file_of(batch);
	CLEANUP(closep) int out = file_of(NULL);
	char said[SAID_MAX];
	int status = 0;
	ssize_t n;

	if (in < 0 || out < 0)
		return error_errno(err, "cannot run ip");
	if (run(space != NULL ? there : here, in, out, &status) < 0) {
		if (errno == ENOENT)
			return error_set(
				err, ERR_UNAVAILABLE,
				"the program `ip` is missing: apt-get install iproute2");
		return error_errno(err, "cannot run ip");
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	n = pread(out, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return error_set(err, ERR_UNAVAILABLE, "ip: %s", said);
}

/* ---------------------------------------------------------------- names and addresses */

struct network network_of(const char *directory)
{
	uint64_t hash = str_hash(directory);
	struct network n = {.subnet = {(uint8_t)(64 + hash % 64), (uint8_t)(hash >> 8)}};

	(void)snprintf(n.prefix, sizeof(n.prefix), "sz%06x", (unsigned)(hash >> 16) & 0xffffff);
	return n;
}

char *network_path(const struct network *n, const char *name)
{
	return str_printf(NAMESPACES "/%s-%s", n->prefix, name);
}

char *network_address(const struct network *n, unsigned number)
{
	return str_printf("10.%u.%u.%u", n->subnet[0], n->subnet[1], number);
}

/* Its bridge. No machine has this name: zhosts' names have letters of the lower case. */
static char *bridge_of(const struct network *n)
{
	return str_printf("%s-NET", n->prefix);
}

/* Whether this machine has an address in the network; *ret_own: at the network's own interface. */
static bool has_address(const struct network *n, bool *ret_own)
{
	struct ifaddrs *all = NULL;
	bool has = false;

	*ret_own = false;
	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a != NULL; a = a->ifa_next) {
		uint32_t address;

		if (a->ifa_addr == NULL || a->ifa_addr->sa_family != AF_INET)
			continue;
		address = ntohl(((const struct sockaddr_in *)(const void *)a->ifa_addr)
					->sin_addr.s_addr);
		if (address >> 8 != (10U << 16 | (unsigned)n->subnet[0] << 8 | n->subnet[1]))
			continue;
		has = true;
		*ret_own = *ret_own || str_equal(a->ifa_name, n->prefix);
	}
	freeifaddrs(all);
	return has;
}

static bool space_exists(const char *name)
{
	CLEANUP(freep) char *path = str_printf(NAMESPACES "/%s", name);

	return access(path, F_OK) == 0;
}

bool network_exists(const struct network *n)
{
	CLEANUP(freep) char *bridge = bridge_of(n);

	return space_exists(bridge);
}

/* ---------------------------------------------------------------- making and removing */

int network_check(struct error **err)
{
	if (geteuid() != 0)
		return error_set(err, ERR_DENIED,
				 "machines with networks of their own need root: run it with "
				 "sudo, or without --machines");
	return ip(NULL, "link show lo\n", err);
}

int network_make(const struct network *n, struct error **err)
{
	CLEANUP(freep) char *bridge = bridge_of(n);
	CLEANUP(freep) char *outside = NULL;
	bool is_own, has = has_address(n, &is_own);
	int r;

	if (has && is_own && space_exists(bridge))
		return 0;
	if (has && !is_own)
		return error_set(err, ERR_CONFLICT,
				 "the addresses 10.%u.%u.* are in use on this machine: choose "
				 "another directory with --dir",
				 n->subnet[0], n->subnet[1]);
	r = network_remove(n, err); /* what an interrupted start has left */
	outside = str_printf("netns add %s\n"
			     "link add %s type veth peer name outside netns %s\n"
			     "address add 10.%u.%u.%u/24 dev %s\n"
			     "link set %s up\n",
			     bridge, n->prefix, bridge, n->subnet[0], n->subnet[1],
			     THIS_MACHINE, n->prefix, n->prefix);
	if (r == 0)
		r = ip(NULL, outside, err);
	if (r == 0)
		r = ip(bridge,
		       "link add bridge type bridge\n"
		       "link set bridge up\n"
		       "link set outside master bridge\n"
		       "link set outside up\n",
		       err);
	return r;
}

int network_add(const struct network *n, const char *name, unsigned number, struct error **err)
{
	CLEANUP(freep) char *bridge = bridge_of(n);
	CLEANUP(freep) char *space = str_printf("%s-%s", n->prefix, name);
	CLEANUP(freep) char *address = network_address(n, number);
	CLEANUP(freep)
	char *shown = str_printf("address show dev eth0 up to %s\nroute get 10.%u.%u.%u\n",
				 address, n->subnet[0], n->subnet[1], THIS_MACHINE);
	CLEANUP(freep) char *add = str_printf("netns add %s\n", space);
	CLEANUP(freep) char *removed = str_printf("netns delete %s\n", space);
	CLEANUP(freep)
	char *plugged = str_printf("link add p%u type veth peer name eth0 netns %s\n"
				   "link set p%u master bridge\n"
				   "link set p%u up\n",
				   number, space, number, number);
	CLEANUP(freep)
	char *inside = str_printf("link set lo up\n"
				  "address add %s/24 dev eth0\n"
				  "link set eth0 up\n",
				  address);
	int r = 0;

	if (space_exists(space)) {
		if (ip(space, shown, NULL) == 0)
			return 0;
		r = ip(NULL, removed, err); /* an interrupted start has left a half */
	}
	if (r == 0)
		r = ip(NULL, add, err);
	if (r == 0)
		r = ip(bridge, plugged, err);
	if (r == 0)
		r = ip(space, inside, err);
	return r < 0 ? error_wrap(err, "cannot make the machine %s", name) : 0;
}

int network_remove(const struct network *n, struct error **err)
{
	CLEANUP(buffer_done) struct buffer batch = BUFFER_INIT(1 << 20);
	CLEANUP(freep) char *prefix = str_printf("%s-", n->prefix);
	DIR *dir = opendir(NAMESPACES);
	bool is_own;

	if (has_address(n, &is_own) && is_own)
		(void)buffer_printf(&batch, "link delete %s\n", n->prefix);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (str_has_prefix(e->d_name, prefix))
			(void)buffer_printf(&batch, "netns delete %s\n", e->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return batch.size > 0 ? ip(NULL, batch.data, err) : 0;
}

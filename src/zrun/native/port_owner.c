#include "zrun/native/port_owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zrun/native/process_tree.h"

#define LISTENERS_MAX 16 /* of one port: one for each address, more with SO_REUSEPORT */
#define STATE_LISTEN  0x0a

struct search {
	unsigned long inodes[LISTENERS_MAX];
	unsigned count;
	unsigned uid;	 /* of the first */
	bool is_of_user; /* a listener belongs to the caller's user */
	bool is_found, is_unreadable;
};

/* "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 12345 …" */
static bool read_listeners(struct search *s, const char *path, uint16_t port)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (file == NULL)
		return false;
	while (s->count < LISTENERS_MAX && fgets(line, sizeof(line), file) != NULL) {
		unsigned local, state, uid;
		unsigned long inode;

		if (sscanf(line,
			   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x "
			   "%*x %u %*u %lu",
			   &local, &state, &uid, &inode) != 4 ||
		    local != port || state != STATE_LISTEN)
			continue;
		if (s->count == 0)
			s->uid = uid;
		s->inodes[s->count++] = inode;
		s->is_of_user |= uid == geteuid();
	}
	(void)fclose(file);
	return true;
}

static bool is_listener(const struct search *s, const char *link)
{
	unsigned long inode;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return false;
	for (unsigned n = 0; n < s->count; n++)
		if (s->inodes[n] == inode)
			return true;
	return false;
}

static void look_at(pid_t pid, void *user)
{
	struct search *s = user;
	char path[40], link[64];
	DIR *dir;

	if (s->is_found)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL) {
		s->is_unreadable |= errno == EACCES || errno == EPERM;
		return;
	}
	for (struct dirent *e; !s->is_found && (e = readdir(dir)) != NULL;) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

		if (n < 0) {
			s->is_unreadable |= errno == EACCES || errno == EPERM;
			continue;
		}
		link[n] = '\0';
		s->is_found = is_listener(s, link);
	}
	(void)closedir(dir);
}

enum port_owner port_owner(uint16_t port, pid_t root, const pid_t *without,
			   size_t without_count, bool is_own_user)
{
	struct search s = {0};
	bool is_known = read_listeners(&s, "/proc/net/tcp", port);

	is_known |= read_listeners(&s, "/proc/net/tcp6", port);
	if (!is_known)
		return PORT_UNKNOWN;
	if (s.count > 0 && process_tree_each(root, without, without_count, look_at, &s) < 0)
		return PORT_UNKNOWN;
	if (s.is_found || (s.is_unreadable && s.is_of_user && is_own_user))
		return PORT_OWN;
	return PORT_FOREIGN;
}

static bool find_listeners(struct search *s, uint16_t port)
{
	(void)read_listeners(s, "/proc/net/tcp", port);
	(void)read_listeners(s, "/proc/net/tcp6", port);
	return s->count > 0;
}

/* "NAME (process PID)"; false where it has gone. */
static bool process_text(pid_t pid, char *text, size_t size)
{
	char path[40], name[20] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(name, sizeof(name), file) != NULL)
		name[strcspn(name, "\n")] = '\0';
	(void)fclose(file);
	(void)snprintf(text, size, "%s (process %d)", name, (int)pid);
	return name[0] != '\0';
}

bool port_user(uint16_t port, char *text, size_t size, unsigned long *ret_socket)
{
	struct search s = {0};
	DIR *dir;

	if (!find_listeners(&s, port))
		return false;
	*ret_socket = s.inodes[0];
	(void)snprintf(text, size, "a program of user %u", s.uid);
	dir = opendir("/proc");
	for (struct dirent *e; dir != NULL && !s.is_found && (e = readdir(dir)) != NULL;) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0)
			look_at(pid, &s);
		if (s.is_found && !process_text(pid, text, size))
			break;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return true;
}

bool port_has_socket(uint16_t port, unsigned long socket)
{
	struct search s = {0};

	(void)find_listeners(&s, port);
	for (unsigned n = 0; n < s.count; n++)
		if (s.inodes[n] == socket)
			return true;
	return false;
}

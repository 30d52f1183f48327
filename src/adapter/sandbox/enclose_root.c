/*
 * A new root on an empty tmpfs:
 *
 *   /usr /bin /sbin /lib* /etc /opt /srv /var …   the machine's, read only
 *   /samoza/package                               the space's files, read only
 *   /samoza/data  /samoza/kept  /tmp  /var/tmp    its own
 *   /samoza/secrets                               files in memory, read only; its keeper writes them by a descriptor
 *   /dev  /proc  /dev/shm  /run (empty)           new; in /dev the device nodes that it is given
 *
 * Of /var, /srv and /opt, what an ordinary user who runs the zhost keeps from others is not seen (four levels deep).
 *
 * What is not named is not there: no /home, no /root, no sockets of the machine's daemons in
 * /run. Everything is opened before the new root covers /tmp, because directories of a zhost
 * may lie there.
 */
#include "adapter/sandbox/enclose_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ROOT	       "/tmp" /* of the machine: covered by the new root while it is built */
#define SHARED_OPTIONS "mode=1777,size=64m"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define ATTRIBUTE_RDONLY 0x1u
#define ATTRIBUTE_NOSUID 0x2u
#define ATTRIBUTE_NODEV	 0x4u
#define ATTRIBUTE_NOEXEC 0x8u
/* Of SECRETS_MAX files (zrun/native/native_secrets.h) twice: new ones are written beside those of before. */
#define SECRETS_OPTIONS "mode=0700,size=4m,nr_inodes=80,noswap"

struct mount_attributes { /* struct mount_attr of Linux 5.12 */
	uint64_t set, clear, propagation, userns_fd;
};

const char *const enclose_system_directories[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc", "/opt", "/srv",	 "/var", "/nix",   "/gnu",   NULL};

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty", NULL};

/* The path below the new root. */
static const char *below(const char *path)
{
	static char full[PATH_MAX + sizeof(ROOT)];

	(void)snprintf(full, sizeof(full), ROOT "%s", path);
	return full;
}

static int make_directory(const char *path, mode_t mode)
{
	return mkdir(below(path), mode) < 0 && errno != EEXIST ? -1 : 0;
}

static int restrict_mount(const char *path, uint64_t attributes)
{
	struct mount_attributes a = {.set = attributes};
	unsigned long flags = MS_REMOUNT | MS_BIND;

	if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &a, sizeof(a)) == 0)
		return 0;
	if (errno != ENOSYS)
		return -1;
	/* Before Linux 5.12: the mount itself, not those below it. */
	flags |= (attributes & ATTRIBUTE_RDONLY) != 0 ? MS_RDONLY : 0;
	flags |= (attributes & ATTRIBUTE_NOSUID) != 0 ? MS_NOSUID : 0;
	flags |= (attributes & ATTRIBUTE_NODEV) != 0 ? MS_NODEV : 0;
	flags |= (attributes & ATTRIBUTE_NOEXEC) != 0 ? MS_NOEXEC : 0;
	return mount(NULL, path, NULL, flags, NULL);
}

/* A directory or file of the machine, or one already open (fd >= 0), at `path` inside. */
static int bind(const char *source, int fd, const char *path, uint64_t attributes)
{
	char by_fd[40];

	if (fd >= 0) {
		(void)snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
		source = by_fd;
	}
	if (mount(source, below(path), NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	return attributes == 0 ? 0 : restrict_mount(below(path), attributes);
}

static int system_directory(const char *path)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return 0; /* this system has none */
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return -1;
		target[n] = '\0';
		return symlink(target, below(path));
	}
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (make_directory(path, 0755) < 0)
		return -1;
	return bind(path, -1, path, ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV);
}

static int device(const char *name)
{
	char path[40];
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode))
		return 0;
	fd = open(below(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	close(fd);
	return bind(path, -1, path, ATTRIBUTE_NOSUID);
}

static int devices_directory(void)
{
	if (make_directory("/dev", 0755) < 0 || make_directory("/dev/shm", 01777) < 0)
		return -1;
	for (const char *const *name = devices; *name != NULL; name++)
		if (device(*name) < 0)
			return -1;
	if (mount("tmpfs", below("/dev/shm"), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  SHARED_OPTIONS) < 0)
		return -1;
	if (symlink("/proc/self/fd", below("/dev/fd")) < 0 ||
	    symlink("/proc/self/fd/0", below("/dev/stdin")) < 0 ||
	    symlink("/proc/self/fd/1", below("/dev/stdout")) < 0)
		return -1;
	return symlink("/proc/self/fd/2", below("/dev/stderr"));
}

/* The directories above it, in the new root. */
static int directories_above(const char *path)
{
	char above[PATH_MAX];

	if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *slash = strchr(above + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (make_directory(above, 0755) < 0)
			return -1;
		*slash = '/';
	}
	return 0;
}

/* The machine's, where a link to it leads; with the rights that it has there. */
static int own_device(const char *path)
{
	struct stat st;
	int fd;

	if (strncmp(path, "/dev/", 5) != 0 || strstr(path, "/../") != NULL ||
	    stat(path, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))) {
		errno = ENODEV;
		return -1;
	}
	if (directories_above(path) < 0)
		return -1;
	fd = open(below(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -1; /* every instance has it */
	close(fd);
	return bind(path, -1, path, ATTRIBUTE_NOSUID);
}

static int own_devices(const struct enclosure *e, const char **ret_what)
{
	for (unsigned n = 0; n < e->device_count; n++) {
		*ret_what = e->devices[n];
		if (own_device(e->devices[n]) < 0)
			return -1;
	}
	return 0;
}

/* Processes of this namespace only. Where the kernel refuses a new one, there is none. */
static int processes_directory(const struct enclosure *e)
{
	if (make_directory("/proc", 0555) < 0)
		return -1;
	if ((e->namespaces & ENCLOSE_NAMESPACE_PIDS) != 0)
		(void)mount("proc", below("/proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			    NULL);
	return 0;
}

/* /etc/resolv.conf is often a link into /run, which is not there inside. */
static int name_servers(void)
{
	char path[PATH_MAX];
	char *slash = path;
	int fd;

	if (realpath("/etc/resolv.conf", path) == NULL || strncmp(path, "/run/", 5) != 0)
		return 0;
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (make_directory(path, 0755) < 0)
			return -1;
		*slash = '/';
	}
	fd = open(below(path), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	close(fd);
	return bind(path, -1, path, ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV);
}

/* An empty directory over it, if it can be seen at all. */
static int hide(const char *path)
{
	struct stat st;

	if (path == NULL || strncmp(path, ROOT "/", strlen(ROOT) + 1) == 0 ||
	    lstat(below(path), &st) < 0)
		return 0;
	return mount("tmpfs", below(path), "tmpfs",
		     MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		     "size=4k,nr_inodes=2,mode=0");
}

/* ---- what the caller's user keeps to itself ---- */

enum { PRIVATE_DEPTH = 4, PRIVATE_ENTRIES = 20000 };

static bool is_kept_from_others(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & S_IRWXO) == 0;
}

static int hide_private(const char *path, unsigned depth, unsigned *entries_left);

static int hide_private_entry(const char *path, unsigned depth, unsigned *entries_left)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || strcmp(path, ROOT "/var/tmp") == 0)
		return 0;
	if (is_kept_from_others(&st))
		return mount("tmpfs", path, "tmpfs",
			     MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
			     "size=4k,nr_inodes=2,mode=0");
	return depth > 1 ? hide_private(path, depth - 1, entries_left) : 0;
}

/*
 * Where a zhost is no root, its instances run as its user, and could read whatever that has: the directory of a zrms
 * of the same user, with its tokens. What others of the machine may enter stays.
 */
static int hide_private(const char *path, unsigned depth, unsigned *entries_left)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	int r = 0;

	if (directory == NULL) {
		if (fd >= 0)
			close(fd);
		return 0; /* it is not there, or its user may not look into it */
	}
	for (const struct dirent *entry = readdir(directory);
	     entry != NULL && r == 0 && *entries_left > 0; entry = readdir(directory)) {
		char full[PATH_MAX];

		--*entries_left;
		if ((entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) ||
		    strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    snprintf(full, sizeof(full), "%s/%s", path, entry->d_name) >=
			    (int)sizeof(full))
			continue;
		r = hide_private_entry(full, depth, entries_left);
	}
	(void)closedir(directory);
	return r;
}

static int hide_all_private(void)
{
	static const char *const tops[] = {ROOT "/var", ROOT "/srv", ROOT "/opt", NULL};
	unsigned entries_left = PRIVATE_ENTRIES;
	int r = 0;

	if (geteuid() == 0)
		return 0; /* they become another user */
	for (const char *const *top = tops; *top != NULL && r == 0; top++)
		r = hide_private(*top, PRIVATE_DEPTH, &entries_left);
	return r;
}

static int open_directory(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Of the instance; open, or -1. */
struct own {
	int package, data, kept, tmp;
};

static int own_directories(const struct own *o)
{
	const uint64_t own = ATTRIBUTE_NOSUID | ATTRIBUTE_NODEV;
	struct stat st;

	if (make_directory("/samoza", 0755) < 0 || make_directory(ENCLOSE_PACKAGE, 0755) < 0 ||
	    make_directory(ENCLOSE_DATA, 0755) < 0 || make_directory(ENCLOSE_TMP, 0755) < 0 ||
	    make_directory("/run", 0755) < 0)
		return -1;
	if (bind(NULL, o->package, ENCLOSE_PACKAGE, own | ATTRIBUTE_RDONLY) < 0 ||
	    bind(NULL, o->data, ENCLOSE_DATA, own) < 0 ||
	    bind(NULL, o->tmp, ENCLOSE_TMP, own) < 0)
		return -1;
	if (o->kept >= 0 && (make_directory(ENCLOSE_KEPT, 0755) < 0 ||
			     bind(NULL, o->kept, ENCLOSE_KEPT, own) < 0))
		return -1;
	return stat(below("/var/tmp"), &st) == 0 ? bind(NULL, o->tmp, "/var/tmp", own) : 0;
}

/* Files that are never on a disk: tmpfs that is not swapped out (Linux 6.4, where the caller is root of the machine), else ramfs. */
static int memory_mount(const char *path)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount("secrets", path, "tmpfs", flags, SECRETS_OPTIONS) == 0)
		return 0;
	return mount("secrets", path, "ramfs", flags, "mode=0700");
}

/* Its own below its own user, and over it the same, read only: that is what the programs see. Without one the instance runs, as long
 * as it has no file of a secret. */
static int secrets_directory(struct enclosure *e)
{
	const char *path = ENCLOSE_SECRETS;

	if (make_directory(path, 0755) < 0)
		return -1;
	if (memory_mount(below(path)) < 0)
		return 0;
	if (geteuid() == 0 && chown(below(path), e->uid, e->gid) < 0)
		return -1;
	e->secrets_fd = open(below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->secrets_fd < 0)
		return -1;
	if (mount(below(path), below(path), NULL, MS_BIND, NULL) < 0)
		return -1;
	return restrict_mount(below(path), ATTRIBUTE_RDONLY | ATTRIBUTE_NOSUID |
						   ATTRIBUTE_NODEV | ATTRIBUTE_NOEXEC);
}

static int move_into(void)
{
	if (chdir(ROOT) < 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return -1;
	} else if (mount(ROOT, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0) {
		return -1; /* the machine's root is its first file system: it cannot be pivoted
			    */
	}
	return chdir("/");
}

static int build(struct enclosure *e, const struct own *own, const char **ret_what)
{
	*ret_what = "an empty root directory";
	if (mount("tmpfs", ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") < 0)
		return -1;
	for (const char *const *f = enclose_system_directories; *f != NULL; f++) {
		*ret_what = *f;
		if (system_directory(*f) < 0)
			return -1;
	}
	*ret_what = "/dev";
	if (devices_directory() < 0)
		return -1;
	if (own_devices(e, ret_what) < 0)
		return -1;
	*ret_what = "/proc";
	if (processes_directory(e) < 0)
		return -1;
	*ret_what = "its own directories";
	if (own_directories(own) < 0)
		return -1;
	*ret_what = ENCLOSE_SECRETS;
	if (secrets_directory(e) < 0)
		return -1;
	*ret_what = "/etc/resolv.conf";
	if (name_servers() < 0)
		return -1;
	*ret_what = "hiding the zhost's directory";
	if (hide(e->hidden) < 0)
		return -1;
	*ret_what = "hiding what its user keeps to itself";
	if (hide_all_private() < 0)
		return -1;
	*ret_what = "the new root directory";
	if (move_into() < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
		     NULL);
}

int enclose_root(struct enclosure *e, const char **ret_what)
{
	struct own own;
	int r = -1, saved;

	*ret_what = "private mounts";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	*ret_what = "the space's directories";
	own = (struct own){.package = open_directory(e->package),
			   .data = open_directory(e->data),
			   .kept = e->kept != NULL ? open_directory(e->kept) : -1,
			   .tmp = open_directory(e->tmp)};
	if (own.package >= 0 && own.data >= 0 && own.tmp >= 0 &&
	    (own.kept >= 0 || e->kept == NULL))
		r = build(e, &own, ret_what);
	saved = errno;
	close(own.package);
	close(own.data);
	close(own.tmp);
	if (own.kept >= 0)
		close(own.kept);
	errno = saved;
	return r;
}

int enclose_root_try_secrets(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return memory_mount(ROOT);
}

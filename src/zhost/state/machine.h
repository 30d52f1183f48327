/*
 * What a copy of the directory of a zhost does not have: a digest of the machine and of the place of the
 * directory in its file system. It stays over restarts of the zhost and, where the machine has an id, over
 * boots of it.
 *
 *   machine    /etc/machine-id and, where it may be read (as root), the id of the hardware; where there is
 *              neither, as in a container: the boot of the kernel
 *   directory  the handle of DIR/lock in its file system, or its inode number: two directories on one
 *              machine, of which one is a copy
 *
 * A directory that is moved within its file system keeps it. Restored from a backup, or moved to another
 * disk or machine, it has another one, and joins once zrms has not heard the one before for the failure
 * timeout.
 */
#ifndef SAMOZA_ZHOST_STATE_MACHINE_H
#define SAMOZA_ZHOST_STATE_MACHINE_H

/* Files with one line, of which each may be missing. */
struct machine_files {
	const char *machine_id, *hardware, *boot;
};
extern const struct machine_files machine_files;

/* `fd`: a file of the directory that lives as long as it. 32 hexadecimal digits; the caller frees. */
char *machine_digest(const struct machine_files *files, int fd);

#endif

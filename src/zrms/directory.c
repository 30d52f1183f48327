#include "zrms/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/lock/lock.h"
#include "adapter/log/log.h"
#include "base/str.h"

int directory_make(const char *path, struct error **err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make the directory %s", path);
	return 0;
}

int directory_lock(const char *dir, int *ret_fd, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/lock", dir);
	CLEANUP(closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	int r = lock_hold(fd, dir, "another zrms", err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* There are tokens, keys and the whole state in it: who made it for us may have let everybody in. */
static void keep_from_others(const char *dir)
{
	struct stat st;
	if (stat(dir, &st) == 0 && (st.st_mode & S_IRWXO) != 0 &&
	    chmod(dir, st.st_mode & 07777 & ~(mode_t)S_IRWXO) < 0)
		log_warn("zrms", "directory.open", LOG_S("dir", dir),
			 LOG_S("then", "others can look into it"),
			 LOG_S("reason", strerror(errno)));
}

int directory_open(struct zrms *zrms, struct error **err)
{
	CLEANUP(freep) char *trust = str_printf("%s/trust", zrms->settings.dir);
	CLEANUP(freep) char *cache = str_printf("%s/cache", zrms->settings.dir);
	CLEANUP(freep) char *spool = str_printf("%s/spool", zrms->settings.dir);
	int r = directory_make(zrms->settings.dir, err);
	if (r == 0)
		r = directory_lock(zrms->settings.dir, &zrms->lock_fd, err);
	if (r == 0)
		keep_from_others(zrms->settings.dir);
	if (r == 0) { /* of an earlier run: no program may connect to it */
		CLEANUP(freep) char *address = str_printf("%s/address", zrms->settings.dir);
		(void)unlink(address);
		r = directory_make(trust, err);
	}
	if (r == 0)
		r = directory_make(cache, err);
	if (r == 0)
		r = directory_make(spool, err);
	return r;
}

/* By rename: never half. */
int directory_write_address(struct zrms *zrms, struct error **err)
{
	struct cli_address address = zrms->settings.local;
	address.port = http_server_port(zrms->http);
	CLEANUP(freep) char *text = cli_address_text(&address);
	CLEANUP(freep) char *path = str_printf("%s/address", zrms->settings.dir);
	CLEANUP(freep) char *temporary = str_printf("%s/address.new", zrms->settings.dir);
	FILE *file = fopen(temporary, "we");
	if (file == NULL)
		return error_errno(err, "cannot write %s", temporary);
	int printed = fprintf(file, "%s\n", text);
	if (fclose(file) != 0 || printed < 0 || rename(temporary, path) < 0) {
		int r = error_errno(err, "cannot write %s", path);
		(void)unlink(temporary);
		return r;
	}
	log_info("zrms", "listening", LOG_S("address", text), LOG_S("dir", zrms->settings.dir));
	return 0;
}

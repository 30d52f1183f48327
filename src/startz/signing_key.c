#include "startz/signing_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/trust.h"
#include "base/str.h"

/* Of a small text; -1 where it cannot be read. */
static ssize_t read_text(const char *path, char *to, size_t size)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, to, size - 1) : -1;

	if (n >= 0)
		to[n] = '\0';
	return n;
}

/* A copy that is there already is left alone: also where the disk is full. */
static int copy_file(const char *from, const char *to, struct error **err)
{
	char text[4096], present[4096];

	if (read_text(from, text, sizeof(text)) < 0)
		return error_errno(err, "cannot read %s", from);
	if (read_text(to, present, sizeof(present)) >= 0 && str_equal(text, present))
		return 0;
	return state_write(to, text, strlen(text), err);
}

int signing_key_make(const struct state *s, struct error **err)
{
	CLEANUP(freep) char *key = state_path(s, "keys/dev");
	CLEANUP(freep) char *public_key = state_path(s, "keys/dev.pub");
	CLEANUP(freep) char *trusted = state_path(s, "zrms/trust/dev.pub");
	int r = 0;

	if (access(key, F_OK) < 0 || access(public_key, F_OK) < 0) {
		r = secret_key_create(key, err);
		if (r < 0)
			return error_wrap(err, "cannot make the signing key");
		(void)printf("Made the signing key %s\n", key);
	}
	return copy_file(public_key, trusted, err);
}

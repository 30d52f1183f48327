#include "adapter/pki/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

/* ---- files ---- */

static int write_whole(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd);
}

static int directory_sync(const char *path, struct error **err)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep)
	char *name = slash == NULL   ? mem_strdup(".")
		     : slash == path ? mem_strdup("/")
				     : mem_strndup(path, (size_t)(slash - path));
	CLEANUP(closep) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write %s", name);
	return 0;
}

int pki_file_write(const char *path, const char *data, size_t size, struct error **err)
{
	CLEANUP(freep) char *next = str_printf("%s.new", path);
	(void)unlink(next); /* of a write that was cut off */
	CLEANUP(closep)
	int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "cannot write %s", path);
	if (fchmod(fd, 0600) < 0 || write_whole(fd, data, size) < 0 || rename(next, path) < 0) {
		int number = errno;
		(void)unlink(next);
		errno = number;
		return error_errno(err, "cannot write %s", path);
	}
	return directory_sync(path, err);
}

static int read_whole(int fd, size_t size, char *to)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int pki_file_read(const char *path, char **ret_data, size_t *ret_size, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0)
		return error_errno(err, "cannot read %s", path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERR_INVALID, "%s is not a file", path);
	if ((status.st_mode & 077) != 0)
		return error_set(
			err, ERR_DENIED,
			"others have rights on %s (mode %04o): chmod 600 it, and renew "
			"what it holds if somebody may have read it",
			path, (unsigned)status.st_mode & 07777);
	if ((uint64_t)status.st_size > PKI_FILE_MAX)
		return error_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path,
				 PKI_FILE_MAX);
	size_t size = (size_t)status.st_size;
	CLEANUP(pki_secret_freep) char *data = mem_calloc(1, size + 1);
	if (read_whole(fd, size, data) < 0)
		return error_set(err, ERR_IO, "cannot read %s: it became shorter", path);
	*ret_data = steal_ptr(&data);
	*ret_size = size;
	return 0;
}

/* ---- credentials ---- */

void pki_credentials_done(struct pki_credentials *credentials)
{
	pki_key_free(credentials->key);
	pki_certificate_free(credentials->certificate);
	pki_trust_free(credentials->trust);
	*credentials = (struct pki_credentials){0};
}

static int identity_load(const char *path, struct pki_credentials *c, struct error **err)
{
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = pki_file_read(path, &pem, &size, &why);
	if (r == ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	r = pki_key_read(pem, size, NULL, &c->key, err);
	if (r == 0)
		r = pki_certificate_read(pem, size, &c->certificate, err);
	if (r == 0 && !pki_certificate_is_of(c->certificate, c->key))
		r = error_set(err, ERR_INVALID, "the key does not belong to the certificate");
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

static int trust_load(const char *path, struct pki_credentials *c, struct error **err)
{
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);
	if (r < 0)
		return r;
	r = pki_trust_read(pem, size, &c->trust, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

int pki_credentials_load(const char *directory, struct pki_credentials *ret_credentials,
			 struct error **err)
{
	CLEANUP(freep) char *identity = str_printf("%s/" PKI_IDENTITY_FILE, directory);
	CLEANUP(freep) char *authorities = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	int r = identity_load(identity, &c, err);
	if (r == 0)
		r = trust_load(authorities, &c, err);
	if (r < 0)
		return r;
	*ret_credentials = c;
	c = (struct pki_credentials){0};
	return 0;
}

int pki_identity_store(const char *directory, const struct pki_key *key,
		       const struct pki_certificate *certificate, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_IDENTITY_FILE, directory);
	CLEANUP(freep) char *certificate_pem = pki_certificate_write(certificate);
	CLEANUP(pki_secret_freep) char *key_pem = pki_key_write(key, NULL);
	CLEANUP(pki_secret_freep) char *pem = str_printf("%s%s", certificate_pem, key_pem);
	return pki_file_write(path, pem, strlen(pem), err);
}

int pki_authorities_store(const char *directory, const struct pki_trust *trust,
			  struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	CLEANUP(freep) char *pem = pki_trust_write(trust);
	return pki_file_write(path, pem, strlen(pem), err);
}

#include "adapter/pki/credentials.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

int pki_file_rename(const char *from, const char *to, struct error **err)
{
	if (rename(from, to) < 0)
		return error_errno(err, "cannot replace %s", to);
	return directory_sync(to, err);
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
	for (size_t k = 0; k < credentials->other_count; k++) {
		pki_key_free(credentials->others[k].key);
		pki_certificate_free(credentials->others[k].certificate);
	}
	*credentials = (struct pki_credentials){0};
}

static int pair_load(const char *path, struct pki_pair *to, struct error **err)
{
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);
	if (r < 0)
		return r;
	r = pki_key_read(pem, size, NULL, &to->key, err);
	if (r == 0)
		r = pki_certificate_read(pem, size, &to->certificate, err);
	if (r == 0 && !pki_certificate_is_of(to->certificate, to->key))
		r = error_set(err, ERR_INVALID, "the key does not belong to the certificate");
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

static int identity_load(const char *directory, struct pki_credentials *c, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_IDENTITY_FILE, directory);
	CLEANUP(error_freep) struct error *why = NULL;
	struct pki_pair own = {0};
	int r = pair_load(path, &own, &why);
	c->key = own.key;
	c->certificate = own.certificate;
	return r < 0 && r != ERR_NOT_FOUND ? error_move(err, steal_ptr(&why)) : 0;
}

static int is_other(const struct dirent *e)
{
	return str_has_prefix(e->d_name, "identity-") && str_has_suffix(e->d_name, ".pem");
}

/* One that is broken is no reason to be without the others. */
static void others_load(const char *directory, struct pki_credentials *c)
{
	struct dirent **all = NULL;
	int n = scandir(directory, &all, is_other, alphasort);
	for (int i = 0; i < n; i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", directory, all[i]->d_name);
		struct pki_pair pair = {0};
		if (c->other_count < PKI_OTHERS_MAX && pair_load(path, &pair, NULL) == 0) {
			c->others[c->other_count++] = pair;
			pair = (struct pki_pair){0};
		}
		pki_key_free(pair.key);
		pki_certificate_free(pair.certificate);
		free(all[i]);
	}
	free(all);
}

static int trust_load(const char *directory, struct pki_credentials *c, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	CLEANUP(freep) char *former_path = str_printf("%s/" PKI_FORMER_FILE, directory);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	CLEANUP(pki_secret_freep) char *former = NULL;
	size_t size = 0, former_size = 0;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = pki_file_read(path, &pem, &size, err);
	if (r < 0)
		return r;
	r = pki_file_read(former_path, &former, &former_size, &why);
	if (r < 0 && r != ERR_NOT_FOUND)
		return error_move(err, steal_ptr(&why));
	CLEANUP(freep) char *both = str_printf("%s%s", pem, former != NULL ? former : "");
	r = pki_trust_read(both, strlen(both), &c->trust, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

int pki_credentials_load(const char *directory, struct pki_credentials *ret_credentials,
			 struct error **err)
{
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	int r = identity_load(directory, &c, err);
	if (r == 0)
		r = trust_load(directory, &c, err);
	if (r < 0)
		return r;
	others_load(directory, &c);
	*ret_credentials = c;
	c = (struct pki_credentials){0};
	return 0;
}

static int pair_store(const char *path, const struct pki_key *key,
		      const struct pki_certificate *certificate, struct error **err)
{
	CLEANUP(freep) char *certificate_pem = pki_certificate_write(certificate);
	CLEANUP(pki_secret_freep) char *key_pem = pki_key_write(key, NULL);
	CLEANUP(pki_secret_freep) char *pem = str_printf("%s%s", certificate_pem, key_pem);
	return pki_file_write(path, pem, strlen(pem), err);
}

int pki_identity_store(const char *directory, const struct pki_key *key,
		       const struct pki_certificate *certificate, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_IDENTITY_FILE, directory);
	return pair_store(path, key, certificate, err);
}

int pki_other_identity_store(const char *directory, uint32_t number, const struct pki_key *key,
			     const struct pki_certificate *certificate, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/identity-%u.pem", directory, number);
	return pair_store(path, key, certificate, err);
}

int pki_authorities_store(const char *directory, const struct pki_trust *trust,
			  struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	CLEANUP(freep) char *pem = pki_trust_write(trust);
	return pki_file_write(path, pem, strlen(pem), err);
}

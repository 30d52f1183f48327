#include "zbench/secure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "base/str.h"

/* That with which it would send to others; nothing is sent. */
int secure_own_address(char to[SECURE_ADDRESS_TEXT], struct error **err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t size = sizeof(address);
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    inet_ntop(AF_INET, &address.sin_addr, to, SECURE_ADDRESS_TEXT) == NULL ||
	    ntohl(address.sin_addr.s_addr) >> 24 == 127)
		return error_set(err, ERR_NOT_FOUND,
				 "this machine has no address but loopback, on which zrms "
				 "speaks no TLS");
	return 0;
}

static int authority_read(const char *credentials, struct pki_authority **ret,
			  struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/authority.pem", credentials);
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &pem, &size, err);

	return r < 0 ? r : pki_authority_read(pem, size, NULL, ret, err);
}

static int authorities_copy(const char *from, const char *to, struct error **err)
{
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	int r = pki_credentials_load(from, &c, err);

	return r < 0 ? r : pki_authorities_store(to, c.trust, err);
}

static int directory_make(const char *path, struct error **err)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST
		       ? error_errno(err, "cannot make %s", path)
		       : 0;
}

static int issue(const char *from, const char *to, const char *name, struct error **err)
{
	const struct pki_subject subject = {
		.role = "zhost", .name = name, .lifetime_ms = PKI_MACHINE_MS};
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(pki_key_freep) struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = authority_read(from, &authority, err);

	if (r == 0)
		r = pki_key_new(&key, err);
	if (r == 0)
		r = pki_request_new(key, &request, err);
	if (r == 0)
		r = pki_issue(authority, request, &subject, (int64_t)time(NULL) * 1000,
			      &certificate, err);
	return r < 0 ? r : pki_identity_store(to, key, certificate, err);
}

int secure_identity(const char *directory, const char *name, struct error **err)
{
	CLEANUP(freep) char *from = str_printf("%s/zrms/credentials", directory);
	CLEANUP(freep) char *machine = str_printf("%s/%s", directory, name);
	CLEANUP(freep) char *to = str_printf("%s/credentials", machine);
	int r = directory_make(machine, err);

	if (r == 0)
		r = directory_make(to, err);
	if (r == 0)
		r = authorities_copy(from, to, err);
	return r < 0 ? r : issue(from, to, name, err);
}

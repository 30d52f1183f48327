#include "zrms/cluster_file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "base/str.h"
#include "schema/json.h"

enum { HOST_NAME = 256 };

/* ---- reading and writing ---- */

static int text_read(const char *path, struct buffer *to, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = 1;
	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	while (n > 0) {
		n = read(fd, text, sizeof(text));
		if (n < 0)
			return error_errno(err, "cannot read %s", path);
		if (buffer_add(to, text, (size_t)n) < 0)
			return error_set(err, ERR_LIMIT, "%s is too long", path);
	}
	return 0;
}

int cluster_file_read(const char *dir, Samoza__V1__ClusterFile **ret_file, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/cluster.json", dir);
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(PKI_FILE_MAX);
	CLEANUP(error_freep) struct error *why = NULL;
	ProtobufCMessage *message = NULL;
	*ret_file = NULL;
	int r = text_read(path, &text, &why);
	if (r == ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return error_move(err, steal_ptr(&why));
	r = schema_read_json(&samoza__v1__cluster_file__descriptor, path,
			     text.data != NULL ? text.data : "", text.size, 0, NULL, &message,
			     err);
	if (r == 0)
		*ret_file = (Samoza__V1__ClusterFile *)message;
	return r;
}

int cluster_file_write(const char *dir, const Samoza__V1__ClusterFile *file, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/cluster.json", dir);
	CLEANUP(freep) char *text = schema_write_json(&file->base, SCHEMA_JSON_PRETTY);
	return pki_file_write(path, text, strlen(text), err);
}

void cluster_file_free(Samoza__V1__ClusterFile *file)
{
	if (file != NULL)
		samoza__v1__cluster_file__free_unpacked(file, NULL);
}

void cluster_file_freep(Samoza__V1__ClusterFile **file)
{
	cluster_file_free(*file);
}

/* ---- where it is reached ---- */

static void add(Samoza__V1__ClusterFile *file, const char *name, size_t size)
{
	for (size_t i = 0; i < file->n_advertise; i++)
		if (strlen(file->advertise[i]) == size &&
		    memcmp(file->advertise[i], name, size) == 0)
			return;
	file->advertise =
		mem_resize(file->advertise, file->n_advertise + 1, sizeof(*file->advertise));
	file->advertise[file->n_advertise++] = mem_strndup(name, size);
}

static void add_interface(Samoza__V1__ClusterFile *file, const struct ifaddrs *interface)
{
	char text[INET6_ADDRSTRLEN] = "";
	if (interface->ifa_addr == NULL || (interface->ifa_flags & IFF_LOOPBACK) != 0 ||
	    (interface->ifa_flags & IFF_UP) == 0)
		return;
	if (interface->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)interface->ifa_addr;
		(void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
	} else if (interface->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)interface->ifa_addr;
		if (!IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
			(void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
	}
	if (text[0] != '\0')
		add(file, text, strlen(text));
}

static void add_machine(Samoza__V1__ClusterFile *file)
{
	char name[HOST_NAME] = "";
	struct ifaddrs *all = NULL;
	if (gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' &&
	    !str_equal(name, "localhost"))
		add(file, name, strlen(name));
	if (getifaddrs(&all) < 0)
		return; /* the name remains */
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		add_interface(file, i);
	freeifaddrs(all);
}

static int add_list(Samoza__V1__ClusterFile *file, const char *text, struct error **err)
{
	for (const char *at = text;; at++) {
		size_t size = strcspn(at, ",");
		if (size == 0)
			return error_set(err, ERR_INVALID,
					 "'%s' has an empty name: expected NAME,ADDRESS...",
					 text);
		add(file, at, size);
		at += size;
		if (*at == '\0')
			return 0;
	}
}

int cluster_file_advertise(Samoza__V1__ClusterFile *file, const char *text,
			   const struct cli_address *listen, struct error **err)
{
	for (size_t i = 0; i < file->n_advertise; i++)
		free(file->advertise[i]);
	file->n_advertise = 0;
	if (text != NULL)
		return add_list(file, text, err);
	if (cli_address_is_any(listen))
		add_machine(file);
	else
		add(file, listen->host, strlen(listen->host));
	return 0;
}

/* "third" is "third", and "third.example.com". */
static bool is_name_of(const char *machine, const char *name)
{
	return str_has_prefix(name, machine) &&
	       (name[strlen(machine)] == '\0' || name[strlen(machine)] == '.');
}

const char *cluster_file_own(const Samoza__V1__ClusterFile *file,
			     const struct cli_address *listen)
{
	CLEANUP(cluster_file_freep)
	Samoza__V1__ClusterFile *own = mem_new(Samoza__V1__ClusterFile);
	samoza__v1__cluster_file__init(own);
	if (!cli_address_is_any(listen))
		add(own, listen->host, strlen(listen->host));
	add_machine(own);
	for (size_t k = 0; k < own->n_advertise; k++)
		for (size_t i = 0; i < file->n_advertise; i++)
			if (is_name_of(own->advertise[k], file->advertise[i]))
				return file->advertise[i];
	return NULL;
}

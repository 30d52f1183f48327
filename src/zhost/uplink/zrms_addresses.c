#include "zhost/uplink/zrms_addresses.h"

#include <stdio.h>
#include <string.h>

#include "adapter/cli/address.h"
#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

enum { HOST_MAX = 256 };

static const char secure[] = "https://";
static const char plain[] = "http://";

void zrms_addresses_done(struct zrms_addresses *addresses)
{
	for (size_t i = 0; i < addresses->count; i++)
		free(addresses->hosts[i]);
	free(addresses->text);
	free(addresses->leader_host);
	*addresses = (struct zrms_addresses){0};
}

static int malformed(const char *text, struct error **err)
{
	return error_set(err, ERR_INVALID,
			 "'%s' does not say where zrms is: expected "
			 "https://HOST:PORT[,HOST:PORT...] or http://127.0.0.1:PORT",
			 text);
}

/* "HOST:PORT" of `size` bytes, also with https:// in front of it. */
static int address_add(struct zrms_addresses *to, const char *at, size_t size)
{
	const char *scheme = to->is_secure ? secure : plain;
	CLEANUP(freep) char *copy = mem_strndup(at, size);
	const char *address = str_has_prefix(copy, scheme) ? copy + strlen(scheme) : copy;
	char host[HOST_MAX];
	uint64_t port = 0;
	if (to->count == ZRMS_ADDRESSES_MAX ||
	    cli_address_split(address, host, sizeof(host), &port) < 0 || port == 0 ||
	    strpbrk(host, "/?#@ \t") != NULL)
		return -1;
	to->hosts[to->count] = mem_strdup(host);
	to->ports[to->count++] = (uint16_t)port;
	return 0;
}

int zrms_addresses_read(const char *text, struct zrms_addresses *ret_addresses,
			struct error **err)
{
	CLEANUP(zrms_addresses_done)
	struct zrms_addresses a = {.text = mem_strdup(text),
				   .is_secure = str_has_prefix(text, secure)};
	if (!a.is_secure && !str_has_prefix(text, plain))
		return malformed(text, err);
	size_t end = strlen(text);
	if (end > 0 && text[end - 1] == '/')
		end--;
	for (size_t at = 0; at <= end;) {
		size_t size = strcspn(text + at, ",");
		if (size > end - at)
			size = end - at;
		if (address_add(&a, text + at, size) < 0)
			return malformed(text, err);
		at += size + 1;
	}
	*ret_addresses = a;
	a = (struct zrms_addresses){0};
	return 0;
}

/* ---- the file ---- */

static char *file_path(const char *dir)
{
	return str_printf("%s/credentials/addresses", dir);
}

int zrms_addresses_load(const char *dir, struct zrms_addresses *ret_addresses,
			struct error **err)
{
	CLEANUP(freep) char *path = file_path(dir);
	CLEANUP(pki_secret_freep) char *lines = NULL;
	size_t size = 0;
	int r = pki_file_read(path, &lines, &size, err);
	if (r < 0)
		return r;
	while (size > 0 && lines[size - 1] == '\n')
		lines[--size] = '\0';
	for (char *c = lines; *c != '\0'; c++)
		*c = *c == '\n' ? ',' : *c;
	CLEANUP(freep) char *text = str_printf("%s%s", secure, lines);
	r = zrms_addresses_read(text, ret_addresses, err);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

int zrms_addresses_store(const char *dir, const char *const *addresses, size_t count,
			 struct error **err)
{
	CLEANUP(freep) char *path = file_path(dir);
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(PKI_FILE_MAX);
	for (size_t i = 0; i < count; i++)
		if (buffer_printf(&text, "%s\n", addresses[i]) < 0)
			return error_set(err, ERR_LIMIT, "there are too many addresses");
	return pki_file_write(path, text.data != NULL ? text.data : "", text.size, err);
}

/* ---- one after the other ---- */

struct stream_address zrms_addresses_now(const struct zrms_addresses *a)
{
	PRE(a->now < a->count);
	if (a->leader_host != NULL)
		return (struct stream_address){a->leader_host, a->leader_port};
	return (struct stream_address){a->hosts[a->now], a->ports[a->now]};
}

void zrms_addresses_next(struct zrms_addresses *a)
{
	free(steal_ptr(&a->leader_host));
	a->now = (a->now + 1) % a->count;
}

size_t zrms_addresses_index(const struct zrms_addresses *a)
{
	return a->leader_host != NULL ? a->count : a->now;
}

static bool is_this_machine(const char *host)
{
	struct cli_address at = {0};
	return snprintf(at.host, sizeof(at.host), "%s", host) < (int)sizeof(at.host) &&
	       cli_address_is_loopback(&at);
}

int zrms_addresses_tell(struct zrms_addresses *a, const char *text, struct error **err)
{
	char host[HOST_MAX];
	uint64_t port = 0;
	if (cli_address_split(text, host, sizeof(host), &port) < 0 || port == 0 ||
	    strpbrk(host, "/?#@ \t") != NULL)
		return error_set(err, ERR_INVALID, "'%s' is no address: expected HOST:PORT",
				 text);
	free(steal_ptr(&a->leader_host));
	for (size_t i = 0; i < a->count; i++)
		if (str_equal(a->hosts[i], host) && a->ports[i] == port) {
			a->now = i;
			return 0;
		}
	if (!a->is_secure && !is_this_machine(host))
		return error_set(err, ERR_DENIED,
				 "%s is another machine, and this zhost has no certificate for "
				 "it: say where zrms is by https://",
				 text);
	a->leader_host = mem_strdup(host);
	a->leader_port = (uint16_t)port;
	return 0;
}

const char *zrms_addresses_role(const struct zrms_addresses *a)
{
	return a->is_secure ? "zrms" : NULL;
}

#include "zhost/native/closed_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/cli/address.h"
#include "adapter/log/log.h"
#include "base/buffer.h"
#include "base/str.h"

enum { HOST_MAX = 256, TEXT_MAX = 64 * 1024 };

void closed_ports_done(struct closed_ports *c)
{
	vector_for_each (&c->all, one)
		free(one->line);
	vector_done(&c->all);
}

static void line_add(struct closed_ports *c, const char *host, unsigned port, bool is_api)
{
	CLEANUP(freep) char *line = str_printf("%s %u", host, port);
	vector_for_each (&c->all, known)
		if (str_equal(known->line, line)) {
			known->is_api |= is_api;
			return;
		}
	if (c->all.count == CLOSED_PORTS_MAX) {
		log_warn("zhost", "closed.full", LOG_S("address", line));
		return;
	}
	vector_push(&c->all, ((struct closed_port){steal_ptr(&line), port, is_api}));
}

static void host_add(struct closed_ports *c, const char *host, unsigned port, bool is_api)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	if (str_equal(host, "localhost"))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1)
		line_add(c, host, port, is_api);
}

static void text_add(struct closed_ports *c, const char *text, bool is_api)
{
	char host[HOST_MAX];
	uint64_t port = 0;
	if (text != NULL && cli_address_split(text, host, sizeof(host), &port) == 0)
		host_add(c, host, (unsigned)port, is_api);
}

void closed_ports_add(struct closed_ports *c, const char *text)
{
	text_add(c, text, false);
}

void closed_ports_add_zrms(struct closed_ports *c, const struct zrms_addresses *zrms)
{
	for (size_t i = 0; i < zrms->count; i++)
		host_add(c, zrms->hosts[i], zrms->ports[i], true);
	if (zrms->leader_host != NULL)
		host_add(c, zrms->leader_host, zrms->leader_port, true);
}

/* One that can be bound to. */
static bool is_of_this_machine(const char *host)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	bool is_four = inet_pton(AF_INET, host, &four.sin_addr) == 1;
	if (!is_four && inet_pton(AF_INET6, host, &six.sin6_addr) != 1)
		return false;
	CLEANUP(closep)
	int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && (is_four ? bind(fd, (struct sockaddr *)&four, sizeof(four))
				   : bind(fd, (struct sockaddr *)&six, sizeof(six))) == 0;
}

void closed_ports_told(struct closed_ports *c, const char *peer,
		       const Samoza__V1__HelloAck *ack)
{
	struct cli_address at = {0};
	uint64_t port = 0;
	text_add(c, peer, true);
	bool is_here = peer != NULL &&
		       cli_address_split(peer, at.host, sizeof(at.host), &port) == 0 &&
		       is_of_this_machine(at.host);
	for (size_t i = 0; i < ack->n_closed; i++) {
		if (cli_address_split(ack->closed[i], at.host, sizeof(at.host), &port) == 0 &&
		    (is_here || (!cli_address_is_loopback(&at) && !cli_address_is_any(&at))))
			closed_ports_add(c, ack->closed[i]);
	}
}

/* The same port of this machine at another of its addresses would close the one that is open, too (zrun/native/connects.h). */
static bool is_open(const struct closed_ports *c, const struct closed_port *one)
{
	vector_for_each (&c->all, api)
		if (api->is_api && api->port == one->port)
			return true;
	return false;
}

char *closed_ports_text(const struct closed_ports *c, bool with_api)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(TEXT_MAX);
	vector_for_each (&c->all, one)
		if (!with_api || !is_open(c, one))
			(void)!buffer_printf(&text, "%s\n", one->line);
	return text.size > 0 ? buffer_steal(&text) : mem_strdup("");
}

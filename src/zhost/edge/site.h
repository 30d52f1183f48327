/*
 * zedge on the network: TLS with a certificate that browsers know, whose files are read again when they change.
 */
#ifndef SAMOZA_ZHOST_EDGE_SITE_H
#define SAMOZA_ZHOST_EDGE_SITE_H

#include "adapter/http/http.h"
#include "adapter/tls/tls.h"
#include "zhost/edge/edge.h"

struct site;

/* Listens, and gives to `server`, which is freed before it, all that pass their handshake. The errors are those of
 * tls_transport_new() and stream_listen(). */
int site_new(struct loop *loop, const struct cli_address *at, const struct edge_public *public,
	     struct http_server *server, struct site **ret_site, struct error **err) must_check;
void site_free(struct site *site);

uint16_t site_port(const struct site *site);
struct tls_counters site_counters(const struct site *site);
/* Until the certificate ends; 0: it has. */
int64_t site_left_ms(const struct site *site);

#endif

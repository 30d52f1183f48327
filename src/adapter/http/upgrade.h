/*
 * Sockets that became links.
 */
#ifndef SAMOZA_ADAPTER_HTTP_UPGRADE_H
#define SAMOZA_ADAPTER_HTTP_UPGRADE_H

struct http_server;

/* The server ends: closes all of them towards MHD. */
void upgrades_end(struct http_server *server);

#endif

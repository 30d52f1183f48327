/*
 * How the descriptors of zrms are shared out.
 *
 *   limit of the process = spare (files, children, libraries)
 *                        + half for links of zhosts, which no other connection may take
 *                        + 3 for each connection of REST: over TLS its socket and a pair to libmicrohttpd
 */
#ifndef SAMOZA_ZRMS_DESCRIPTORS_H
#define SAMOZA_ZRMS_DESCRIPTORS_H

enum { DESCRIPTORS_PER_ADDRESS = 256 }; /* connections of REST from one other machine */

/* Up to what the system allows, and zrms can use. */
void descriptors_raise(void);
/* How many connections of REST a process may have with so many descriptors. */
unsigned descriptors_connections(unsigned descriptors);
/* And how many links of zhosts; over TLS they are not of REST's server, and take what is left. */
unsigned descriptors_links(unsigned descriptors);
/* How many may wait for their handshake over TLS: some of what is spare. */
unsigned descriptors_waiting(unsigned descriptors);
/* Of this process. */
unsigned descriptors_now(void);

#endif

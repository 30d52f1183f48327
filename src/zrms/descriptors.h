/*
 * How the descriptors of zrms are shared out.
 *
 *   limit of the process = spare (files, children, libraries)
 *                        + a quarter for links of zhosts, which no other connection may take
 *                        + 3 for each connection of REST: over TLS its socket and a pair to libmicrohttpd
 */
#ifndef SAMOZA_ZRMS_DESCRIPTORS_H
#define SAMOZA_ZRMS_DESCRIPTORS_H

enum { DESCRIPTORS_PER_ADDRESS = 256 }; /* connections of REST from one other machine */

/* Up to what the system allows, and zrms can use. */
void descriptors_raise(void);
/* How many connections of REST a process may have with so many descriptors. */
unsigned descriptors_connections(unsigned descriptors);
/* Of this process. */
unsigned descriptors_connections_now(void);

#endif

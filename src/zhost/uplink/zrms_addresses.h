/*
 * Where zrms is reached: several addresses, of which one is tried after the other.
 *
 *   https://zrms.example:7331,10.0.0.5:7331    with TLS, as the machine that DIR/credentials say this is
 *   http://127.0.0.1:7331                      plain, with a token: this machine only
 *
 *   a zrms that stands by tells where the leader is: that is tried next, until it fails
 *
 *   DIR/credentials/addresses                  one HOST:PORT a line, for TLS: what the machine joined at
 */
#ifndef SAMOZA_ZHOST_UPLINK_ZRMS_ADDRESSES_H
#define SAMOZA_ZHOST_UPLINK_ZRMS_ADDRESSES_H

#include <stdbool.h>

#include "port/stream.h"

#define ZRMS_ADDRESSES_MAX 16

struct zrms_addresses {
	char *text; /* as it was given, for log lines */
	bool is_secure;
	char *hosts[ZRMS_ADDRESSES_MAX];
	uint16_t ports[ZRMS_ADDRESSES_MAX];
	size_t count, now;
	/* Where the leader is, as a zrms that stands by has said; NULL: it is one of these, or not known. */
	char *leader_host;
	uint16_t leader_port;
};

/* ERR_INVALID: not as above. */
int zrms_addresses_read(const char *text, struct zrms_addresses *ret_addresses,
			struct error **err) must_check;
/* Of DIR/credentials/addresses. ERR_NOT_FOUND: there is no such file. */
int zrms_addresses_load(const char *dir, struct zrms_addresses *ret_addresses,
			struct error **err) must_check;
/* "HOST:PORT", "[ADDRESS]:PORT". Durable when it returns. PRE: DIR/credentials is there. */
int zrms_addresses_store(const char *dir, const char *const *addresses, size_t count,
			 struct error **err) must_check;
void zrms_addresses_done(struct zrms_addresses *addresses);

/* The one that is tried now; borrowed. */
struct stream_address zrms_addresses_now(const struct zrms_addresses *addresses);
void zrms_addresses_next(struct zrms_addresses *addresses);
/* Its place among those that can be tried, at most ZRMS_ADDRESSES_MAX. */
size_t zrms_addresses_index(const struct zrms_addresses *addresses);
/* The leader is at "HOST:PORT": that is tried now. ERR_INVALID: it is not of that form; ERR_DENIED: without TLS a
 * token is shown to this machine only, and to whom it was meant for. */
int zrms_addresses_tell(struct zrms_addresses *addresses, const char *text,
			struct error **err) must_check;
/* Who must be there: "zrms", or NULL where the stream cannot tell. */
const char *zrms_addresses_role(const struct zrms_addresses *addresses);

#endif

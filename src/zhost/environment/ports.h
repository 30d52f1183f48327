/*
 * Exports that are filled in when an instance starts [formats.topology.exports]: `ip` with the
 * zhost's address, any other empty value with a port that no other instance on this zhost has.
 *
 * A drawn port stays with its instance until ports_release(), so it is the same after a
 * restart of the space and of the zhost; but where another program has taken it while the instance did not
 * run, ports_drop_taken() has it drawn again. Ports come from 20,000 to 32,767, below the range
 * from which the kernel draws its own; zhosts that share a machine begin at different places
 * of it, and a port that another program listens on is skipped.
 */
#ifndef SAMOZA_ZHOST_ENVIRONMENT_PORTS_H
#define SAMOZA_ZHOST_ENVIRONMENT_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/wire.pb-c.h"

#define PORTS_FIRST 20000
#define PORTS_LAST  32767

struct ports;

/* `is_free` asks the machine about one port. `seed`: where to begin, any number. */
struct ports *ports_new(const char *address, uint64_t seed, bool (*is_free)(uint16_t port));
void ports_free(struct ports *p);

/* Fills the exports of the copy `id` (agent_copy_id()): *ret_exports (array and items on
 * the heap: ports_exports_free) has the same names in the same order. *ret_changed: ports
 * were drawn, ports_record() has something new. ERR_LIMIT: no port is left. */
int ports_fill(struct ports *p, const char *id, Samoza__V1__Variable *const *declared, size_t n,
	       Samoza__V1__Variable ***ret_exports, bool *ret_changed,
	       struct error **err) must_check;
void ports_exports_free(Samoza__V1__Variable **exports, size_t n);

/* "name=port name=port" for the store, the caller frees; NULL when it holds none. */
char *ports_record(const struct ports *p, const char *id);
/* What ports_record() gave. ERR_INVALID when it is not that. */
int ports_load(struct ports *p, const char *id, const char *record,
	       struct error **err) must_check;
/* Hands the ports of `from` to `to`. False: `from` has none, or `to` has some. */
bool ports_rename(struct ports *p, const char *from, const char *to);
/* PRE: nothing of the copy runs. Lets go of its ports on which `is_taken` says that a program listens: the next
 * ports_fill() draws others. */
void ports_drop_taken(struct ports *p, const char *id, bool (*is_taken)(uint16_t port));
/* Whether it held any. */
bool ports_release(struct ports *p, const char *id);

/* Whether one can listen on 127.0.0.1:port now, and no connection was there a short time ago. */
bool ports_is_free(uint16_t port);
/* Whether a program listens on 127.0.0.1:port. */
bool ports_is_taken(uint16_t port);

#endif

/*
 * A rotation of the certificate authority as the zhosts see it: those that it misses are told to renew, and it goes on when
 * none of those is missing for whom it waits (core/access/authorities.h).
 *
 *   begin ─► REISSUE to all ─► each renews, and uses its new key ─► the last one ─► next arrow ─► REISSUE to all …
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_CORE_CONTROL_ROTATION_H
#define SAMOZA_CORE_CONTROL_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct identity;

/* AuthoritiesRecord.generation; 0: never rotated. */
uint64_t rotation_generation(const struct control *c);
/* It proves itself with a certificate of an earlier generation. */
bool rotation_misses(const struct control *c, const struct identity *identity);
/* The rotation waits for it. */
bool rotation_is_held_up(const struct control *c, const struct identity *identity);
/* Another generation: its record is written, and who is missing is told. `cause`: of the event. */
void rotation_changed(struct control *c, const char *cause);
/* Goes on where nobody holds it up. */
void rotation_look(struct control *c);
/* A zhost is connected: it may be missing. */
void rotation_prompt(struct control *c, uint64_t link_id);

#endif

/*
 * Tells zhosts where others are that they may talk to directly, and with which keys those prove their names: once
 * when they ask, and again whenever it changes, as long as the link stands.
 *
 *   MESH_ASK n2 ─► control_mesh_contact ─► MESH_ZHOSTS n2 at …, keys …
 *   record of n2, or of its key, is durable ─► the same, to all that have asked
 */
#ifndef SAMOZA_ZRMS_MESH_BOOK_H
#define SAMOZA_ZRMS_MESH_BOOK_H

#include "core/control/control.h"
#include "zrms/links.h"

enum { MESH_BOOK_ASKED_MAX = 1024 }; /* by one zhost; further names are not answered */

struct mesh_book;

/* Borrowed. */
struct mesh_book *mesh_book_new(struct links *links, const struct control *control);
/* NULL is fine. */
void mesh_book_free(struct mesh_book *book);
/* Of links_listener. ERR_LIMIT: more names at once than a zhost may ask for; none is answered. */
int mesh_book_ask(struct mesh_book *book, uint64_t link_id, const Samoza__V1__MeshAsk *ask,
		  struct error **err) must_check;
void mesh_book_link_gone(struct mesh_book *book, uint64_t link_id);
/* What is known of that zhost has changed, durably. */
void mesh_book_changed(struct mesh_book *book, const char *zhost);

#endif

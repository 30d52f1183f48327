/*
 * Provider sets: what an import can name, with those that provide it and those that import it. A name
 * without a topology means something in one slot set; what is public has one provider set for all:
 *
 *     shop  ─provides─► "shop/store" ◄─imports─ site, crm
 *
 * It is found by the application's name, and lives while a slot set knows it, so that an application that
 * is removed and submitted again provides for those that have waited. Source: [change.imports.public].
 */
#ifndef SAMOZA_CORE_LIFECYCLE_PROVIDER_SET_H
#define SAMOZA_CORE_LIFECYCLE_PROVIDER_SET_H

#include "core/lifecycle/slot.h"

/* Of that space or facet of the slot set; added where there is none. */
struct provider_set *provider_set_own(struct slot_set *set, const char *name);
/* The same of what `topology` has, or may have, as public; from now on `set` is one of its users. */
struct provider_set *provider_set_public(struct slot_set *set, const char *topology,
					 const char *name);
/* The application of that name; NULL: there is none, or nothing of it is served. */
struct slot_set *lifecycle_slot_set(const struct lifecycle *l, const char *name);

/* ---- who is in them ---- */

/* What the slot set provides and imports is taken out of all that it knows; who is started is counted on. */
void provider_sets_clear(struct slot_set *set);
/* That slot can provide it, too. PRE: the set is sorted, and the slot newer than all others in it. */
void provider_set_append(struct provider_set *p, struct slot *s);
/* `patience_ms`: of the import; 0: none. */
void provider_set_add_importer(struct provider_set *p, struct importer importer,
			       uint32_t patience_ms);
/* After slots and importers of the slot set have been added, in any order and several times. */
void provider_sets_sort(struct slot_set *set);
/* Sorts, and joins the entries of one space. */
void importers_normalise(importer_list *list);

/* At the end of the slot set. PRE: cleared. */
void provider_sets_free(struct slot_set *set);

#endif

/*
 * Which lists of providers (provider_list.h) an application has, and which zhost has which of them.
 * A zhost gets a list once, with the first of its copies that names it; then, with each flush that
 * changes the list, what has changed; and in the end that it is dropped, when no copy there names it any longer.
 *
 *     control_application ── provider_list ─┬─ list_on_zhost ◄── copy.lists
 *                                           │       which link has it, how many copies name it
 *                                           └─ list_on_zhost ◄── copy.lists
 *
 * Ids and versions mean something on one link only: on a new one everything is sent again. Zhosts of
 * protocols 1 and 2 get their providers with each copy.
 */
#ifndef SAMOZA_CORE_CONTROL_PROVIDER_LISTS_H
#define SAMOZA_CORE_CONTROL_PROVIDER_LISTS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/vector.h"
#include "proto/checkpoint.pb-c.h"
#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

struct control_application;
struct copy;
struct declarations;
struct list_on_zhost;
struct shared_list;

/* Of zrms. */
struct provider_lists {
	uint64_t next_id;
	VECTOR(struct list_on_zhost *)
	unnamed; /* that no copy names, until the end of the flush */
};
void provider_lists_done(struct provider_lists *lists);

/* Of an application: the lists of the revisions that its slots follow. */
struct import_lists {
	struct shared_list *by_set; /* by what they name; then those with other variables */
};
/* Before the slots of the application go. PRE: no copy of them serves. */
void import_lists_detach(struct import_lists *lists);

/* The lists of imports with patience have the present providers from now on, whether a zhost has them
 * or not. */
void import_lists_keep(struct control_application *a, const struct declarations *d);
/* Those whose patience lasts, for the record of the application; the caller frees each with
 * schema_message_free(). */
typedef VECTOR(Samoza__V1__KeptImportRecord *) kept_import_records;
void import_lists_record(const struct control_application *a, kept_import_records *ret_kept);
/* Their record is being written. */
void import_lists_recorded(struct control_application *a);
/* As another core has them, after its times are restored: what of them is kept is what these say. */
void import_lists_continue(struct control_application *a,
			   Samoza__V1__KeptImportRecord *const *records, size_t count);
/* Those of the application, for a checkpoint; the caller frees each with schema_message_free(). */
typedef VECTOR(Samoza__V1__VolatileList *) list_images;
void import_lists_image(const struct control_application *a, list_images *ret_lists);
/* As another core has them: under the same ids, in the same order, for the same zhosts. `is_sent`: those that have them there have
 * them here; otherwise nobody has them yet. ERR_INVALID:
 * their zhosts are not there. PRE: everything else is restored. */
int import_lists_restore(struct control_application *a, Samoza__V1__VolatileList *const *images,
			 size_t count, bool is_sent, struct error **err) must_check;
/* What a list is of that zhosts have after a flush and that is not what provides now, although no patience keeps it; NULL:
 * none. To test that each is brought up to date when it is due: looks at all of them. */
const char *import_lists_outdated(const struct control_application *a);
/* Those that the copy names, for a checkpoint; the caller frees. NULL: none. */
uint64_t *import_lists_ids(const struct copy *copy, size_t *ret_count);
/* It names those lists, as its zhost was told; `count` 0: those that it would name now, of a checkpoint that does not say which.
 * ERR_INVALID: they are not there. PRE: they are restored. */
int import_lists_hold(struct copy *copy, const uint64_t *ids, size_t count,
		      struct error **err) must_check;
/* From there. PRE: the states of all slots and the exports of all copies are loaded. */
void import_lists_load(struct control_application *a,
		       Samoza__V1__KeptImportRecord *const *records, size_t count);

/* In a flush: brings the lists that this space imports up to date; zhosts that have one get what has
 * changed. */
void import_lists_refresh(struct control_application *a, uint32_t space);
/* Writes the providers of a serving copy into what its zhost is asked for, which gets the lists that
 * it does not have. Returns the hash of what the copy imports. */
uint64_t import_lists_name(struct copy *copy, Samoza__V1__DesiredInstance *to);
/* False: the providers of one came and went in one batch, so that only its zhost may know them. */
bool import_lists_are_known(const struct copy *copy);
/* It names lists no longer. */
void import_lists_release(struct copy *copy);
/* At the end of a flush: zhosts drop what none of their copies names. */
void provider_lists_trim(struct provider_lists *lists);

#endif

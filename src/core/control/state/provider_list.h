/*
 * What one import of an application resolves to: its started providers, in the order of their paths,
 * each with the variables that the import names. Equal imports of several spaces share a list.
 *
 *     provider_list_refresh() ──► version + 1, and what has changed since the version before
 *
 * An instance is not its own provider: its own entry, if there is one, is left out where a list is read.
 */
#ifndef SAMOZA_CORE_CONTROL_PROVIDER_LIST_H
#define SAMOZA_CORE_CONTROL_PROVIDER_LIST_H

#include "base/vector.h"
#include "core/lifecycle/slot.h"
#include "proto/wire.pb-c.h"

struct control_application;

struct list_entry {
	Samoza__V1__Provider *provider; /* owned */
	uint64_t hash;
};

struct provider_list {
	uint64_t id;			/* on the links of zhosts */
	uint64_t version;		/* grows by one with each change; 0: never filled */
	uint64_t hash;			/* the sum of its entries' hashes */
	char *from;			/* the space or facet that it names */
	char *prefix;			/* of the paths: "shop/", of another topology; or "" */
	VECTOR(char *) variables;	/* in the order of declaration; none: all */
	const struct provider_set *set; /* borrowed */
	const struct control_application
		*apart_in; /* whose importers are apart (apart.h); NULL: they serve. Borrowed */
	VECTOR(struct list_entry) entries;
};

struct provider_changes {
	VECTOR(const Samoza__V1__Provider *) put; /* new, or with other variables; borrowed */
	VECTOR(char *) removed;			  /* paths; owned */
};
void provider_changes_done(struct provider_changes *changes);

/* Compares with what there is now. False: nothing has changed. Else the version grows, and the
 * changes, which are borrowed until the next refresh, lead to it from the one before. */
bool provider_list_refresh(struct provider_list *list, struct provider_changes *ret_changes);
/* Whether that would find a change. */
bool provider_list_is_outdated(const struct provider_list *list);
/* Its entries, and its memory. */
void provider_list_clear(struct provider_list *list);
void provider_list_init(struct provider_list *list, uint64_t id, const struct provider_set *set,
			const struct import_decl *import,
			const struct control_application *apart_in);
void provider_list_done(struct provider_list *list);
/* Copies of these, in the order of their paths. */
void provider_list_restore(struct provider_list *list, Samoza__V1__Provider *const *providers,
			   size_t count);

/* Over the providers of an importer with that path: all but itself. */
uint64_t provider_list_hash_for(const struct provider_list *list, const struct slot *importer);

/* It has an entry of another one than that instance of the importing application. */
bool provider_list_has_other(const struct provider_list *list, const char *path);

/* As zhosts get it. */
Samoza__V1__ProviderList *provider_list_message(const struct provider_list *list);
Samoza__V1__ProviderList *provider_list_change_message(const struct provider_list *list,
						       const struct provider_changes *changes);

#endif

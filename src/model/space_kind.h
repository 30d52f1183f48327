/*
 * Kinds of space: the facts by which zrms, mex and zhost treat the spaces of a topology. Several
 * types of topology.yaml may be of one kind; IO, DATA, CHAT and CALL are WebAssembly.
 *
 *     model/kind/NAME.c          what the kind is (this struct)
 *     zhost/space/kind_NAME.c    how a zhost runs it (zhost/space/space_runtime.h)
 *     model/meson.build          the list of names: one word for each kind
 *
 * Code elsewhere asks for a fact, never for a kind or a type; tools/check refuses the latter.
 */
#ifndef SAMOZA_MODEL_SPACE_KIND_H
#define SAMOZA_MODEL_SPACE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/space_kinds.h"
#include "proto/model.pb-c.h"

/* A type of space as people write it. */
struct space_type_name {
	Samoza__V1__SpaceType type;
	const char *name; /* "DATA" */
};

struct space_kind {
	const char *name;
	const struct space_type_name *types;
	size_t type_count;

	bool has_process; /* runs in a zrun; false: it is served from the cache */
	bool has_module; /* one core.wasm, translated for the machine that runs it; uses data.* */
	bool has_pages; /* files that zedge serves, and pages that send messages */
	/* recipes/ in the package, run by a zrun with an environment; commands can be run beside them */
	bool has_recipes;
	bool is_in_mesh;	  /* messages reach it */
	bool has_signals;	  /* `reload: signal`: its process can be sent one */
	bool update_can_be_ended; /* an update that takes too long is ended without the instance */
	const char *required_file; /* below spaces/NAME/; NULL: none */
};

#define SPACE_KIND_DECLARE(name) extern const struct space_kind space_kind_##name;
SPACE_KINDS(SPACE_KIND_DECLARE)

/* NULL: no kind has this type. */
const struct space_kind *space_kind_of(Samoza__V1__SpaceType type);
/* "DATA"; NULL: no kind has this type. */
const char *space_kind_type_name(Samoza__V1__SpaceType type);
/* "UI, IO, DATA, CHAT, CALL or NATIVE". The caller frees. */
char *space_kind_type_list(void);

#endif

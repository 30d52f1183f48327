/*
 * The fields of the files that people write, explained from the schema: what a field is for, what may stand in it,
 * what holds without it, what another value does to a running topology, and an example. `mex explain` and the
 * reference of the manual are made of this.
 *
 *   "spaces.health.interval" ── explain_find() ──► struct explain_path
 *                                                    Topology.spaces ─► Space.health ─► HealthProbe.interval
 *   explain_example():
 *     spaces:
 *       - name: api            what must be there, from the examples in proto/model.proto
 *         type: NATIVE         stands beside `health`
 *         health:
 *           tcp: "5432"        one member of a oneof that must be there
 *           interval: 30s
 */
#ifndef SAMOZA_MODEL_EXPLAIN_H
#define SAMOZA_MODEL_EXPLAIN_H

#include <protobuf-c/protobuf-c.h>

#include "base/error.h"
#include "schema/tables.h"

#define EXPLAIN_DEPTH_MAX 8

/* A field, by the fields that lead to it. Everything in it is static. */
struct explain_path {
	const ProtobufCMessageDescriptor *root;
	unsigned depth; /* 0: the file itself */
	struct {
		const ProtobufCFieldDescriptor *field;
		const struct schema_field *rule;
	} steps[EXPLAIN_DEPTH_MAX];
};

/* `path` has keys as in the file, separated by dots; indices in brackets are skipped; "" is the file itself. ERR_NOT_FOUND
 * names the nearest key and what there is. */
must_check int explain_find(const ProtobufCMessageDescriptor *root, const char *path,
			    struct explain_path *ret, struct error **err);
/* The same, continued by the field at `index` of what it contains. PRE: explain_message() has that field, and
 * the path is not at its greatest depth. */
struct explain_path explain_below(const struct explain_path *path, unsigned index);
/* The type of what it contains; NULL: a scalar, a list of scalars or a map of them. */
const ProtobufCMessageDescriptor *explain_message(const struct explain_path *path);
/* Whether it is for scenarios only, and so in no file that people submit. */
bool explain_is_hidden(const struct explain_path *path);
/* Whether it must be there, in what contains it. */
bool explain_is_required(const struct explain_path *path);

/* The following are sentences or parts of them, for people. The caller frees; NULL: there is nothing to say. */

/* "spaces.health.interval". */
char *explain_name(const struct explain_path *path);
/* What may stand there: "a list of up to 1000 texts", "UI, IO, DATA, CHAT, CALL or NATIVE". */
char *explain_type(const struct explain_path *path);
/* What holds without it. */
char *explain_default(const struct explain_path *path);
/* What another value in a new version does (docs/spec/change.md, verdicts). */
char *explain_change(const struct explain_path *path);
/* A file, or the part of one in which the field stands, as YAML. */
char *explain_example(const struct explain_path *path);
/* What it is for: paragraphs of one line each, separated by \n. Static. */
const char *explain_doc(const struct explain_path *path);

#endif

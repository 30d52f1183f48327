/*
 * From what topology.yaml says (the message that schema reads) to a struct topology, with every
 * rule of [formats.topology] and [topology.placement] that is about the topology alone. All
 * findings are reported, not only the first.
 *
 *   schema_read_yaml(&samoza__v1__topology__descriptor, file, text, size, 0, &findings,
 *                    &message, &positions, &err)
 *   schema_message_fill(message->spaces[i], defaults of that space)
 *   topology_compile(message, &(struct topology_source){.positions = positions}, NULL,
 *                    &findings, &topology, &err)
 *
 * Decisions where the specification is silent:
 * - A path without a name is called FROM-TO. Two paths that end at one space have different
 *   names; a path connects two different spaces.
 * - An import names each variable that at least one of its providers exports, or `ip`.
 * - `with: SPACE` with the own name is `self`; `with: TOPOLOGY/SPACE` with the own topology's
 *   name is that space of this topology.
 * - Constraints of a space and of those that it is inside of hold for one zhost together;
 *   those that exclude each other (`rack == a`, `rack == b`) are refused. So is required
 *   anti-affinity on `zhost` between instances that share a root instance.
 */
#ifndef SAMOZA_MODEL_COMPILE_H
#define SAMOZA_MODEL_COMPILE_H

#include "base/diagnostics.h"
#include "base/error.h"
#include "model/topology.h"
#include "proto/model.pb-c.h"
#include "schema/yaml.h"

/* Where the message came from, for the places of findings. All borrowed. */
struct topology_source {
	const struct schema_positions *positions; /* of topology.yaml; NULL: not known */
	/* Of each space's space.yaml, in the order of the spaces; entries may be NULL, and so
	 * may be the array. */
	struct schema_positions *const *defaults;
};

struct topology_options {
	/* In place of 5, where a space says nothing of restart.attempts (scenarios). */
	bool has_restart_attempts;
	uint32_t restart_attempts;
	/* Zhosts that have an instance of each space with `count: each`, in place of the pattern: for those who
	 * look at a cluster in which there may be no others. 0: the pattern. */
	const char *const *each_on;
	unsigned each_on_count;
};

/*
 * `in` is only read and may be freed afterwards. `source` and `options` may be NULL. Findings
 * are added to `findings` (which may be NULL); where no position is known they begin with the
 * path of what they are about ("spaces[2].inside: there is no space 'ap'").
 * 0: *ret_topology has one reference, the caller's. ERR_INVALID: err has the first finding.
 */
must_check int topology_compile(const Samoza__V1__Topology *in,
				const struct topology_source *source,
				const struct topology_options *options,
				struct diagnostics *findings, struct topology **ret_topology,
				struct error **err);

/*
 * For a message that has findings of schema already (SCHEMA_KEEP: fields may be unset, elements
 * NULL): finds clashes of names, and names in `inside`, `imports` and `paths` that nobody has.
 * Nothing is said where the name that seems missing may be one that could not be read.
 * `defaults_read`: every space.yaml could be read, and is merged in.
 */
void topology_check_names(const Samoza__V1__Topology *in, const struct topology_source *source,
			  bool defaults_read, struct diagnostics *findings);

#endif

/*
 * The parameters of a topology, and what `${param.NAME}` stands for in its files.
 *
 *   parameters_new(values)
 *     │   schema_read_template(topology.yaml, parameters_substitution())
 *     │     begin: `parameters:` is read and checked, then the values that were given
 *     │     find:  as the rest of the file is read
 *     │   schema_read_template(spaces/NAME/space.yaml, the same)
 *     ▼
 *   parameters_count(), parameters_at(): what each is, and has
 *
 * What comes out is a message without parameters, as any other topology.
 * Source: [workloads.values].
 *
 * Decisions where the specification is silent:
 * - A value in a file has the type that it is written in: `"3"` is text. What --set says has none.
 * - A pattern is met by the whole value; it is one of the patterns of schema/pattern.h, with or without ^ and $.
 * - A kept value of a parameter that is declared no longer is left out.
 */
#ifndef SAMOZA_MODEL_PARAMETER_PARAMETERS_H
#define SAMOZA_MODEL_PARAMETER_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/parameter/values.h"
#include "proto/model.pb-c.h"
#include "schema/yaml.h"

struct parameters;

struct parameter {
	const Samoza__V1__Parameter *declared;
	const char *value; /* as it is inserted; NULL: it has none */
	bool is_given;	   /* or kept; else it is the default */
};

/* `values` is borrowed, and may be NULL. `allows_unset`: one without value and default is no finding, and what depends
 * on it is left out. `path`: where the topology stands in its file ("" for topology.yaml, "topologies[2]" in a scenario). */
struct parameters *parameters_new(const struct values *values, bool allows_unset,
				  const char *path);
/* NULL is fine. */
void parameters_free(struct parameters *p);
void parameters_freep(struct parameters **p);

/* Valid as long as `p`. Its findings have the places of the declarations, and of the values. */
const struct schema_substitution *parameters_substitution(const struct parameters *p);

/* In the order of their declaration; after the file that declares them was read. */
size_t parameters_count(const struct parameters *p);
const struct parameter *parameters_at(const struct parameters *p, size_t index);
/* What is kept of a topology has the values in place of its parameters. */
void parameters_drop(Samoza__V1__Topology *t);
/* "string", "integer from 1 to 20", "string that matches [a-z-]+": what a value must be. The caller frees. */
char *parameter_expects(const Samoza__V1__Parameter *declared);

#endif

/* Topologies and zhosts from text, and a placing engine to put them in. */
#ifndef TESTS_PLACE_FIXTURE_H
#define TESTS_PLACE_FIXTURE_H

#include "core/place/place.h"

/* Text of `spaces:` of a topology.yaml; NULL when it is refused (*ret_findings then says why,
 * unless NULL is given: then that fails the test). */
struct topology *topology_from(const char *name, const char *spaces, char **ret_findings);
/* Text of one zhost, as in zhosts.yaml: "{name: n1, cpu: 4}". */
struct zhost_spec zhost_from(const char *text);
/* Adds it, alive. */
uint32_t add_zhost(struct place *p, const char *text);
/* Compiles and adds; the engine holds the only reference. */
uint32_t add_topology(struct place *p, const char *name, const char *spaces);

/* All units of a topology that have no place, together. */
struct attempt {
	struct place_want *wants;
	struct place_request request;
	struct place_result result;
};
void attempt_init(struct attempt *a, struct place *p, const struct topology *model,
		  uint32_t topology);
void attempt_done(struct attempt *a);

/* Places all units of the topology; "api-1=n1 api-2=n2", or the reason's sentence. The caller
 * frees. */
char *place_all(struct place *p, uint32_t topology, const struct topology *model);
/* Both at once. */
char *place_text(struct place *p, const char *name, const char *spaces);

#endif

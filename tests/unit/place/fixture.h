/* Topologies and zhosts from text, for a placement engine. */
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

/* A topology in the engine, with a unit for each instance without a parent. */
struct app {
	struct place *place;
	struct topology *model; /* a reference */
	uint32_t topology;	/* handle */
	uint32_t *units;	/* by instance; PLACE_NONE for children */
};

/* Compiles `spaces` and adds them; each is younger than those before. */
struct app app_add(struct place *p, const char *name, const char *spaces);
/* Takes the reference. */
struct app app_of(struct place *p, struct topology *take_model, uint64_t order);
/* Removes it from the engine, and frees it. */
void app_remove(struct app *app);
/* Frees it; the engine keeps its topology and units. */
void app_done(struct app *app);

/* All units of a topology that have no place, together. */
struct attempt {
	struct place_unit_request *units;
	struct place_request request;
	struct place_result result;
};
void attempt_init(struct attempt *a, const struct app *app);
void attempt_done(struct attempt *a);

/* Places all units of the topology; "api-1=n1 api-2=n2", or the reason's sentence. The caller
 * frees. */
char *place_all(const struct app *app);
/* Both at once. */
char *place_text(struct place *p, const char *name, const char *spaces);

#endif

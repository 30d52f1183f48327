#include "core/place/place.h"

#include "base/vector.h"

typedef VECTOR(struct place_unit_request) request_list;

static void add_roots(const struct topology *t, const uint32_t *units, bool optional,
		      request_list *to)
{
	for (unsigned i = 0; i < t->instance_count; i += t->instances[i].subtree_count)
		if (instance_space(t, i)->optional == optional && units[i] != PLACE_NONE)
			vector_add(to)->unit = units[i];
}

static void try_list(struct place *p, const request_list *units, enum place_mode mode,
		     struct place_result *ret)
{
	place_try(p,
		  &(struct place_request){
			  .mode = mode, .units = units->items, .unit_count = units->count},
		  ret);
}

void place_try_topology(struct place *p, const struct topology *t, const uint32_t *units,
			struct place_result *ret)
{
	request_list required = {0}, optional = {0};
	add_roots(t, units, false, &required);
	add_roots(t, units, true, &optional);
	try_list(p, &required, PLACE_TOGETHER, ret);
	if (ret->complete && optional.count > 0) {
		struct place_result rest;
		try_list(p, &optional, PLACE_RECOVER, &rest);
		place_result_done(&rest);
	}
	vector_done(&required);
	vector_done(&optional);
}

#include "core/place/explain/judgement.h"

#include "core/place/choose/eligibility.h"

void judgement_open(struct filter *f, struct place *p, const struct place_unit_request *r,
		    enum strictness strictness)
{
	const struct need *n = unit_at(p, r->unit)->need;
	struct view view;
	view_open(&view, p, r);
	filter_init(f, p, n, r, strictness);
	f->view = view;
	minimums_measure(p, n, r, strictness, &f->minimums);
}

void judgement_close(struct filter *f)
{
	view_close(&f->view);
	filter_done(f);
}

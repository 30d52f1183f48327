#include "core/lifecycle/lifecycle.h"

#include "base/check.h"

void lifecycle_init(struct lifecycle *l, const struct lifecycle_observer *observer)
{
	*l = (struct lifecycle){.observer = observer};
}

void lifecycle_done(struct lifecycle *l)
{
	INVARIANT(l->first == NULL && l->sets == NULL && l->shared == NULL);
	heap_done(&l->patience_timers);
	heap_done(&l->returned_timers);
}

void lifecycle_push(struct slot *s)
{
	if (s->queued)
		return;
	struct lifecycle *l = s->set->lifecycle;
	s->queued = true;
	s->next_queued = NULL;
	if (l->last != NULL)
		l->last->next_queued = s;
	else
		l->first = s;
	l->last = s;
}

struct slot *lifecycle_pop(struct lifecycle *l)
{
	struct slot *s = l->first;
	if (s == NULL)
		return NULL;
	l->first = s->next_queued;
	if (l->first == NULL)
		l->last = NULL;
	s->next_queued = NULL;
	s->queued = false;
	return s;
}

void lifecycle_forget(const struct slot_set *set)
{
	struct lifecycle *l = set->lifecycle;
	struct slot *rest = l->first;
	l->first = l->last = NULL;
	while (rest != NULL) {
		struct slot *s = rest;
		rest = s->next_queued;
		s->queued = false;
		s->next_queued = NULL;
		if (s->set != set)
			lifecycle_push(s);
	}
}

void lifecycle_take(struct slot *s)
{
	struct lifecycle *l = s->set->lifecycle;
	struct slot *before = NULL;
	if (!s->queued)
		return;
	for (struct slot *queued = l->first; queued != s; queued = queued->next_queued)
		before = queued;
	*(before != NULL ? &before->next_queued : &l->first) = s->next_queued;
	if (l->last == s)
		l->last = before;
	s->queued = false;
	s->next_queued = NULL;
}

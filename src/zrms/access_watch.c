#include "zrms/access_watch.h"

#include <string.h>

#include "base/check.h"

enum { LOOK_MS = 1000 };

void access_watch(struct access_watches *all, struct access_watch *watch, const uint8_t *hash,
		  void (*ended)(void *user), void *user)
{
	*watch = (struct access_watch){.ended = ended, .user = user};
	if (hash == NULL)
		return;
	memcpy(watch->hash, hash, sizeof(watch->hash));
	watch->next = all->first;
	watch->link = &all->first;
	if (watch->next != NULL)
		watch->next->link = &watch->next;
	all->first = watch;
	loop_timer_at(all->timer, loop_now(all->loop).mono_ms + LOOK_MS);
}

void access_unwatch(struct access_watch *watch)
{
	if (watch->link == NULL)
		return;
	*watch->link = watch->next;
	if (watch->next != NULL)
		watch->next->link = watch->link;
	watch->link = NULL;
}

void access_watches_look(struct access_watches *all)
{
	for (struct access_watch *w = all->first; w != NULL; w = w->next)
		if (!all->is_good(all->user, w->hash))
			w->ended(w->user);
}

static void on_timer(void *user)
{
	struct access_watches *all = user;
	access_watches_look(all);
	if (all->first != NULL)
		loop_timer_at(all->timer, loop_now(all->loop).mono_ms + LOOK_MS);
}

void access_watches_init(struct access_watches *all, struct loop *loop,
			 access_is_good_fn *is_good, void *user)
{
	*all = (struct access_watches){.loop = loop, .is_good = is_good, .user = user};
	all->timer = loop_timer_new(loop, on_timer, all);
}

void access_watches_done(struct access_watches *all)
{
	PRE(all->first == NULL);
	loop_timer_free(all->timer);
}

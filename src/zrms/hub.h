/*
 * The hub: a message between spaces on two zhosts comes in on one link and goes out on another,
 * as it stands.
 *
 *   MESH_MESSAGE ─► to_zhost ─► its link
 *
 * At most once: a message is dropped and counted when there is no such link, or when more than
 * 4 MiB wait there already.
 *
 * While a zhost goes from one link to another by itself (LEAVE), what comes for it is kept, up to 1 MiB and 5 s, and
 * goes first on the other one.
 */
#ifndef SAMOZA_ZRMS_HUB_H
#define SAMOZA_ZRMS_HUB_H

#include "base/metrics.h"
#include "zrms/links.h"

struct hub;

/* Where a zhost is connected: the id of its link, 0 when it is not. */
typedef uint64_t hub_link_of_fn(void *user, const char *zhost);

/* All borrowed. */
struct hub *hub_new(struct loop *loop, struct links *links, hub_link_of_fn *link_of,
		    void *user);
/* NULL is fine. */
void hub_free(struct hub *hub);

/* Of links_listener. Dropped are messages of zhosts that are not members yet (`member` NULL), and those that say that
 * they are of another zhost: HUB_REFUSED, which no honest zhost sends [machines.identity.itself]. */
enum { HUB_REFUSED = 1 };
int hub_forward(struct hub *hub, const char *member, const struct frame *frame,
		struct error **err) must_check;
/* It has left its link for another one, which has not come yet. */
bool hub_keeps(const struct hub *hub, const char *zhost);
/* It has left its link for another one. */
void hub_keep(struct hub *hub, const char *zhost);
/* It is on that one now. */
void hub_pass_kept(struct hub *hub, const char *zhost, uint64_t link_id);
/* Messages that were not of who sent them; they are among the dropped ones. */
uint64_t hub_refused(const struct hub *hub);
extern const struct metric_source hub_metrics; /* of struct hub */

#endif

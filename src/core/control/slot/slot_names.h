/*
 * Names of slots. A space without a written count has one instance of its own name, "api"; with one its instances
 * are "api-1", "api-2", ... Both "api" and "api-1" are the same slot: its goal, its data and its history stay where a
 * revision writes a count or writes it no longer. It has the name that the revision gives it that serves it, so the
 * name changes in the step in which the right to write passes:
 *
 *   revision 1: api     revision 2: api-1, api-2
 *
 *                  copies of the slot                      its name
 *   preparing      api#5 serves, api-1#9 is installed      api
 *   starting       api-1#9 serves, api#5 stands by         api-1
 *   returning ...  api#5 serves again                      api
 *
 * A copy keeps the path by which its zhost knows it (struct copy: path); data keeps the name under which it was
 * written first (application_data_owner()). Source: [change.counts.numbered].
 */
#ifndef SAMOZA_CORE_CONTROL_SLOT_NAMES_H
#define SAMOZA_CORE_CONTROL_SLOT_NAMES_H

#include "core/control/state/application.h"

struct control;

/* The slots of that unit have the names that this revision gives them, as far as it declares them. */
void slot_names_follow(struct control *c, struct slot_control *root,
		       const struct revision *revision, const char *cause);

/* It has that name, which zhosts, records and those who watch know already. */
void slot_name_restore(struct slot_control *sc, const char *path);

#endif

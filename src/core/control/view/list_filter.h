/*
 * Which entries of a list are asked for [shell.rest.filter].
 *
 *   state=pending,failed    zhost=n1    label=region=eu,rack=a
 *   named=my-app    prefix=my-    path=api-2/cache    topology_state=running
 */
#ifndef SAMOZA_CORE_CONTROL_LIST_FILTER_H
#define SAMOZA_CORE_CONTROL_LIST_FILTER_H

#include "core/control/control.h"
#include "core/lifecycle/state.h"

struct application_list;
struct control_application;
struct control_zhost;
struct made_zhost;
struct slot_control;

/* As a client writes it; borrowed; NULL: any. */
struct list_filter_text {
	const struct principal *reader; /* as in struct list_filter */
	const char *states;		/* separated by commas */
	const char *topology_states;	/* of instances; separated by commas */
	const char *zhost;		/* of instances */
	const char *labels; /* of zhosts: NAME=VALUE, all of them, separated by commas */
	const char *named;  /* of topologies: an id, a name, or what ids begin with */
	const char *
		prefix; /* what names begin with: my-app, my-app/api, n1; or an id of a topology */
	const char *path; /* of instances */
};

/* ERR_INVALID: a state that no entry of this list can have, or what is no label. The caller calls
 * list_filter_done(), also after an error. */
int list_filter_parse(enum control_list list, const struct list_filter_text *text,
		      struct list_filter *ret_filter, struct error **err) must_check;
void list_filter_done(struct list_filter *filter);

/* Whether instances of this application can be taken. */
bool list_filter_takes_instances_of(const struct list_filter *filter,
				    const struct control_application *a);
bool list_filter_takes_topology(const struct list_filter *filter,
				const struct control_application *a);
bool list_filter_takes_instance(const struct list_filter *filter,
				const struct slot_control *sc);
/* The only application that an id or a name of the filter can mean; NULL: none is named so. */
const struct control_application *
list_filter_named(const struct list_filter *filter,
		  const struct application_list *applications);
/* `shown`: its state, as it is shown. */
bool list_filter_takes_zhost(const struct list_filter *filter, const struct control_zhost *z,
			     enum instance_state shown);
/* One that a driver makes, and that has not come. */
bool list_filter_takes_made(const struct list_filter *filter, const struct made_zhost *m);

#endif

/*
 * What the kinds of space have in common whose instances run in a zrun: the listener between the
 * process and the resident, and the actions that are frames to it.
 */
#ifndef SAMOZA_ZHOST_SPACE_PROCESS_SPACE_H
#define SAMOZA_ZHOST_SPACE_PROCESS_SPACE_H

#include "zhost/space/resident.h"

/* Launches the process; `q` has what differs by kind. Adds memory, capabilities, grace, lease and
 * imports. */
int process_space_launch(struct resident *r, struct launch_request *q,
			 struct error **err) must_check;

/* For struct space_runtime. */
void process_space_update(struct resident *r, const import_vector *imports);
void process_space_stop(struct resident *r, int64_t grace_ms);
void process_space_kill(struct resident *r, bool is_update);
void process_space_renew(struct resident *r);
void process_space_find(struct resident *r);
bool process_space_probe(const struct resident *r);
void process_space_usage(const struct resident *r, struct usage_sum *sum);

/* As the process knows the instance; borrowed from `r`. */
struct zrun_identity process_space_identity(const struct resident *r);

#endif

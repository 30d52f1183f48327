/*
 * What zhost does for NATIVE instances besides running their zrun (zrun/native/native.h): the
 * filter and the users of their programs, the list of files that a deploy copies, the settings
 * and the environment of each action, and the directories in DIR/spaces.
 */
#ifndef SAMOZA_ZHOST_NATIVE_NATIVE_RUNTIME_H
#define SAMOZA_ZHOST_NATIVE_NATIVE_RUNTIME_H

#include "core/agent/agent.h"
#include "port/loop.h"
#include "zhost/environment/variables.h"
#include "zhost/native/closed_ports.h"
#include "zhost/state/instance_file.h"
#include "zhost/state/state_dir.h"
#include "zrun/launch/launch.h"

struct native_runtime;

/* All borrowed; `loop` is libuv's. `zhost`: the name of this one. `closed`, `zrms`: as they are when an instance is launched. */
int native_runtime_new(struct loop *loop, const struct state_dir *dir, const char *zhost,
		       const struct closed_ports *closed, const struct zrms_addresses *zrms,
		       struct native_runtime **ret_runtime, struct error **err) must_check;
/* What this zhost offers, from the next launch on; borrowed. Before: nothing. */
void native_runtime_offer(struct native_runtime *n, const Samoza__V1__ZhostSpec *spec);
/* NULL is fine. */
void native_runtime_free(struct native_runtime *n);
/* Removes, in a thread, the directories of instances that are no longer here, and what was forgotten; and their control groups. After the
 * records were loaded, before native_forget(). `is_used`: the name is of an instance here. */
void native_sweep(struct native_runtime *n, bool (*is_used)(void *user, const char *file_name),
		  void *user);

/* Forgets what the instances of a topology name have kept that were placed before `epoch`: at once for those that come, on the disk
 * in a thread. Each start does it once more for every record that is left of it (data_each_forgotten()), whether it was done or not;
 * therefore what is older does not count until the record is gone: no instance takes for its own what the next start removes. */
void native_forget(struct native_runtime *n, const char *topology, uint64_t epoch);
/* It is not on the disk yet, or that has failed: the record has to stay. */
bool native_forgets(const struct native_runtime *n, const char *topology);
/* The record is dropped, as no instance is left that was placed before: what these have made since goes, too. PRE: !native_forgets(). */
void native_forget_settled(struct native_runtime *n, const char *topology);

/* Writes the list of the package's files for the zrun that deploys. */
int native_write_list(struct native_runtime *n, const char *file_name,
		      const Samoza__V1__InstanceSpec *spec, struct error **err) must_check;

/* One action of an instance; everything is borrowed. */
struct native_action {
	enum agent_action action;
	const Samoza__V1__InstanceKey *key;
	const Samoza__V1__InstanceSpec *spec;
	const char *slot_id;   /* "TOPOLOGY-ID/PATH" */
	const char *file_name; /* instance_file_name() with the epoch */
	Samoza__V1__Variable *const *exports;
	size_t n_exports;
	const variable_vector *ancestors; /* variables_ancestor() of each */
	int64_t spent_ms;		  /* of the action's time */
	bool has_api;			  /* it reaches zrms */
	const char *api_token;		  /* start: that it shows there; NULL */
};

/* What launching an action needs; native_launch_done() frees it. */
struct native_launch {
	char *directory;
	char *kept; /* kept_data.h; NULL: none */
	variable_vector settings;
	variable_vector environment;
};
/* The zhost's directory. */
const char *native_directory(const struct native_runtime *n);
/* Fills the parts of the request in which NATIVE instances differ from WebAssembly: directory,
 * settings, environment, filter. Makes the directory of what the instance keeps. */
int native_launch_init(struct native_launch *l, struct native_runtime *n,
		       const struct native_action *a, struct launch_request *q,
		       struct error **err) must_check;
void native_launch_done(struct native_launch *l);
/* The process of an instance has ended: removes its control group. */
void native_ended(const char *file_name);

#endif

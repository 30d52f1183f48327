/*
 * NATIVE instances in zhost: what their zrun is told (zrun/native/native.h).
 *
 *   deploy    files into the cache, then a zrun that makes the folder and runs `deploy`
 *   start     a zrun that runs `start` and stays
 *   update, stop   frames to it
 *   undeploy  a zrun that runs `undeploy` and removes the folder
 */
#ifndef SAMOZA_ZHOST_NATIVE_NATIVE_RUNTIME_H
#define SAMOZA_ZHOST_NATIVE_NATIVE_RUNTIME_H

#include "zhost/space/resident.h"
#include "zrun/launch/launch.h"

/* The filter of their programs, and what was left in DIR/spaces by instances that are no more
 * is removed. After the records were loaded. */
int native_begin(struct zhost *z, struct error **err) must_check;
void native_end(struct zhost *z);

bool native_is(const Samoza__V1__InstanceSpec *spec);
/* The files of the package that the folder is made of: recipes first. NULL behind the last. */
const Samoza__V1__AssetFile *native_file(const Samoza__V1__InstanceSpec *spec, size_t index);
/* Writes the list of files for the zrun that deploys. */
int native_list(struct resident *r, struct error **err) must_check;

/* Before a process is begun: ends one that an earlier zhost left at the same task, and fills
 * the exports. */
int native_prepare(struct resident *r, struct error **err) must_check;
/* Its process is gone: so is its control group. */
void native_ended(const struct resident *r);
/* What launching needs; native_launch_done() frees it. */
struct native_launch {
	VECTOR(struct launch_variable) settings; /* owned strings, as the next */
	VECTOR(struct launch_variable) environment;
};
/* Fills the parts of the request that differ from a WebAssembly instance: module path,
 * settings, environment, filter. The action under way (r->kind) says what zrun shall do. */
int native_launch_init(struct native_launch *l, struct resident *r, struct launch_request *q,
		       struct error **err) must_check;
void native_launch_done(struct native_launch *l);

#endif

/*
 * A zhost without processes, for tests of the kinds of space: residents with all parts that a kind uses.
 * The test is the core, zrms' artifacts are in the cache, and fake_zrun.h plays the processes.
 */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_KIND_STAGE_H
#define SAMOZA_TESTS_UNIT_ZHOST_KIND_STAGE_H

#include "fake_upstream.h"
#include "fake_zrun.h"
#include "zhost/space/resident.h"

enum { EPOCH = 3 };

struct stage {
	struct loop loop;
	char directory[64];
	struct state_dir dir;
	char *cache_path;
	struct sim_network *net;
	struct stream_transport *transport, *zrms;
	struct stream_listener *listener;
	struct stream *streams[4]; /* at zrms */
	size_t stream_count;
	struct artifact_store *store;
	struct artifacts *artifacts;
	struct fake_upstream upstream;
	struct fake_host host;
	struct spacelogs *logs;
	struct ports *ports;
	struct mesh_transport *mesh_transport;
	struct mesh *mesh;
	struct data_service *data;
	struct closed_ports closed; /* none */
	struct native_runtime *native;
	struct zrun_processes *processes;
	struct residents *residents;
	uint64_t next_action;
	/* of the listener */
	unsigned done, ended;
	uint64_t action;
	char error[200];
	bool has_error, is_finished, is_unreached, settings_failed;
	int is_healthy; /* -1: not reported */
};

/* What an order of the core is about; tests change it before they order. */
struct instance {
	Samoza__V1__InstanceKey key;
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__Provider *imports[1];
	size_t n_imports;
	int64_t grace_ms, stop_ms, deadline_ms;
	bool has_left; /* another copy serves in its place */
	bool drops_settings;
	Samoza__V1__Variable port, variable;
	Samoza__V1__Variable *exports[1], *variables[1];
	Samoza__V1__Provider provider;
	Samoza__V1__AssetFile recipe, asset;
	Samoza__V1__AssetFile *recipes[1], *assets[1];
	Samoza__V1__Probe probe;
};

int kinds_begin(void **state);
int kinds_end(void **state);

/* ---- the core ---- */

/* SHA-256; borrowed until the next call but seven. In the cache: "module", "recipe", "asset". */
char *digest_of(const char *text);
/* Epoch EPOCH of topology "t1", one export, one file and one import, which counts once
 * `n_imports` is 1. */
void instance_init(struct instance *i, const char *path, Samoza__V1__SpaceType type);
/* Orders the action, and lets the loop run. */
void order(struct stage *s, struct instance *i, enum agent_action kind);
void order_kill(struct stage *s, struct instance *i, enum agent_action kind);
void order_renew(struct stage *s, struct instance *i, int64_t deadline_ms);
/* The last action is complete. "": it succeeded. */
void expect_done(struct stage *s, const char *error);
/* NULL: it is not here. */
struct resident *resident_of(struct stage *s, const struct instance *i);
/* Of the instance, in run/; `suffix`: "s", "e", "f". */
bool file_exists(struct stage *s, const struct instance *i, const char *suffix);

/* ---- whole actions ---- */

/* A kind whose deploy needs no process. */
void deploy(struct stage *s, struct instance *i);
/* The start is complete; returns the process that runs. */
struct fake_zrun *start(struct stage *s, struct instance *i);
/* The next frame of zhost, after a run of the loop; 0: there is none. */
uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room);
/* As after a restart of zhost, from the record of a started instance; whether it runs. */
bool load(struct stage *s, struct instance *i, struct exit_report *ret_report);

/* `text` has this line. */
#define assert_line(text, line)                                          \
	do {                                                             \
		CLEANUP(freep) char *all_ = str_printf("\n%s", text);    \
		CLEANUP(freep) char *line_ = str_printf("\n%s\n", line); \
		if (strstr(all_, line_) == NULL)                         \
			fail_msg("no line '%s' in:\n%s", line, text);    \
	} while (0)

#endif

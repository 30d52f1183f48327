/*
 * Settings of zhost: flags, environment, file (docs/man/zhost.1).
 */
#ifndef SAMOZA_ZHOST_SETTINGS_H
#define SAMOZA_ZHOST_SETTINGS_H

#include "adapter/cli/cli.h"
#include "proto/model.pb-c.h"
#include "zhost/uplink/zrms_addresses.h"

struct zhost_settings {
	char *dir, *name, *zrms, *token_file, *log_level, *log_file, *zrun;
	struct cli_address zedge, mesh;
	char *zedge_certificate, *zedge_key, *zedge_proxies;
	char *zedge_url; /* by which browsers reach it; NULL: by its address */
	uint32_t zedge_connections, zedge_requests;
	uint64_t zedge_bytes;
	char *address; /* that instances export as `ip`; NULL: that by which it reaches zrms */
	uint64_t cache_bytes;
	uint32_t starts_at_once;
	int64_t watchdog_ms, orphan_ms;
	bool end_spaces, new_identity;
	char *join;   /* a token */
	bool replace; /* with it */
	bool no_zygote;
	bool allow_exec;
	struct zrms_addresses addresses; /* out of `zrms`, or of DIR/credentials */
};

extern const struct cli_program zhost_program;

/* Checks what a table cannot say, fills `addresses`. */
int settings_check(struct zhost_settings *s, struct error **err) must_check;
/* The rest of it, once this machine has joined with s->join. */
int settings_joined(struct zhost_settings *s, struct error **err) must_check;
/* What is not in the table. */
void settings_done(struct zhost_settings *s);

/* The entry of the configuration file's `zhosts` that has the name; without a file, or
 * without such a list in it: one with the name alone. cpu and memory that are not given are
 * the machine's. ERR_NOT_FOUND: the file lists zhosts, but not this one. The caller frees
 * with samoza__v1__zhost_spec__free_unpacked(). */
int settings_spec(const char *config_file, const char *name, Samoza__V1__ZhostSpec **ret_spec,
		  struct error **err) must_check;

/* Where the configuration file says that lines of spaces are forwarded; empty without a file, or without `log_sinks` in it. The
 * caller frees with samoza__v1__log_sink_list__free_unpacked(). What is no sink is sinks_set()'s to say. */
int settings_sinks(const char *config_file, Samoza__V1__LogSinkList **ret_list,
		   struct error **err) must_check;

#endif

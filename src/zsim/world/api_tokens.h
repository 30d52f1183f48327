/*
 * Tokens with which instances ask zrms, as a zhost makes them (zhost/space/api_token.h): a new one with each start, which zrms is
 * told of then, and again on each link as long as the process runs.
 */
#ifndef SAMOZA_ZSIM_WORLD_API_TOKENS_H
#define SAMOZA_ZSIM_WORLD_API_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access/credentials.h"
#include "core/agent/agent.h"

struct sim_machine;
struct sim_process;
struct world;

/* One that was made, for good. */
struct sim_api_token {
	char *name;	  /* "TOPOLOGY-NAME/PATH" */
	uint64_t process; /* sim_process.life */
	uint8_t hash[CREDENTIAL_HASH_SIZE];
};

/* Its start begins; nothing where it gets none. */
void api_token_begin(struct world *w, struct sim_machine *n, struct sim_process *p,
		     const struct agent_order *o);
/* Its start is complete: it is said again, since the order may have crossed another one. */
void api_token_started(struct sim_machine *n, const struct sim_process *p);
/* zrms has accepted the zhost on its link. */
void api_tokens_on_link(struct world *w, struct sim_machine *n);
/* The newest of that name; NULL: none was ever made. */
const struct sim_api_token *api_token_newest(const struct world *w, const char *name);
void api_tokens_done(struct world *w);

#endif

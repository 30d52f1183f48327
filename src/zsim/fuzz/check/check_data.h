/*
 * The data of spaces: what was acknowledged is read by every later copy [topology.data].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_DATA_H
#define SAMOZA_ZSIM_FUZZ_CHECK_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "proto/wire.pb-c.h"

struct data_change;
struct fuzz;
struct sim_process;

/* What zrms keeps for one instance under one key: the value begins with the number of the access that
 * wrote it. */
struct stored {
	char *id;	  /* "TOPOLOGY-NAME/PATH KEY" */
	char *owner;	  /* "TOPOLOGY-NAME/PATH" */
	uint64_t bytes;	  /* of key and value; 0: there is none */
	uint64_t version; /* how many writes are committed */
	uint64_t known;	  /* of them, the last one that its process knows to be */
	uint64_t removals;
	UT_hash_handle hh;
};

/* A write or a read that a process asked for; its number is the request's. */
struct data_access {
	char *slot; /* "APPLICATION-ID/PATH" */
	uint64_t epoch;
	struct stored *stored; /* borrowed */
	uint64_t version;      /* of a write: which one it is; 0: not committed */
	bool deletes;
	bool is_refused;	     /* a write for which there was no room */
	uint64_t least, of_removals; /* of a read: known when it was asked for */
};

/* A process asks. Returns the number of the request. */
uint64_t check_data_asked(struct fuzz *f, const struct sim_process *p, const char *key);
/* It asks to delete the key: what it knew of it is no longer there. */
void check_data_deletes(struct fuzz *f, uint64_t number);
void check_data_committed(struct fuzz *f, const struct data_change *change, int status);
/* All data of a topology name is removed. */
void check_data_removed(struct fuzz *f, const char *topology_name);
/* The answer has come to the process. */
void check_data_replied(struct fuzz *f, const Samoza__V1__DataReply *reply);
void check_data_done(struct fuzz *f);

#endif

/*
 * A good package, as its files, and the keys that sign it.
 */
#ifndef TEST_ARCHIVE_PROJECT_H
#define TEST_ARCHIVE_PROJECT_H

#include <stdint.h>

#include "adapter/archive/trust.h"

#define MANIFEST                                                                    \
	"apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: app, version: 1.0.0}\n" \
	"spec: {topology: topology.yaml}\n"
#define TOPOLOGY                                                                  \
	"apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: app}\nspaces:\n" \
	"- {name: web, type: UI}\n- {name: api, type: CALL, count: 2}\n"          \
	"- {name: db, type: NATIVE}\n"

struct file {
	const char *path, *content;
	uint32_t mode;
};

enum { GOOD_FILES = 8 };
extern const struct file good_files[GOOD_FILES];

/* PRE for all that sign: make_keys() was called. */
extern struct secret_key key_a, key_b;
void make_keys(void);
/* Trusts A alone; the caller frees. */
struct trust *trust_a(void);

#endif

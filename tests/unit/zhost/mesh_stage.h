/*
 * A mesh table of the zhost n1, and what the hub says of the topology "app": spaces store, api and page, with the
 * paths rows (store, api) and queries (api, page).
 */
#ifndef SAMOZA_TEST_ZHOST_MESH_STAGE_H
#define SAMOZA_TEST_ZHOST_MESH_STAGE_H

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zhost/mesh/mesh_table.h"

extern struct mesh_table *table;
/* What is here: their addresses. */
extern int store_here, api_here, api2_here;
extern Samoza__V1__PathEnd rows_store, rows_api, queries_api, queries_page;

int begin(void **state);
int end(void **state);

struct mesh_peer *join_copy(const char *path, uint64_t epoch, const char *space,
			    Samoza__V1__PathEnd *end_a, Samoza__V1__PathEnd *end_b,
			    void *local);
struct mesh_peer *join(const char *path, const char *space, Samoza__V1__PathEnd *end_a,
		       Samoza__V1__PathEnd *end_b, void *local);

struct said {
	const char *path, *space, *zhost;
	bool is_ui;
	uint64_t epoch;
	bool is_beside; /* it does not serve */
	bool leaves;
	bool shares, is_apart;
	uint32_t revision;
	const char *file; /* of a UI space: digest of its one file; NULL: none */
};

/* Of revision 2, in what is said from now on; NULL: of no space. */
extern const char *share_of;
extern uint32_t share_permille;

void say(const struct said *peers, size_t n, bool full, uint64_t version, bool gone);
int route(const struct mesh_peer *from, const char *address, struct mesh_route *r);

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

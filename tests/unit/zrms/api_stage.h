/*
 * The REST interface of a zrms with a simulated store, and one request at a time.
 */
#ifndef TEST_ZRMS_API_STAGE_H
#define TEST_ZRMS_API_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter/artifact/directory.h"
#include "adapter/sim/sim_store.h"
#include "adapter/token/token.h"
#include "adapter/uv/stream_kinds.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zrms/api.h"
#include "zrms/api_metrics.h"
#include "zrms/api_routes.h"

#define TOPOLOGY                                                                   \
	"apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: shop}\nspaces:\n" \
	"- {name: web, type: CALL}\n"
#define SHOP_ID "5f0c7e34-8a1b-4f3e-9d5a-0123456789ab"
/* A digest that nothing refers to. */
#define UNKNOWN_DIGEST "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

enum { ANSWER_MAX = 1 << 20 };

struct stage {
	struct zrms zrms;
	struct sim_disk disk;
	struct loop_task answer; /* of a store that answers by itself */
	bool holds;		 /* the store waits for the test */
	char directory[64], trust[80], artifacts[80], files[96], spool[80];
	struct stream_transport *transport;
	/* one request */
	struct stream *stream;
	char *token; /* that requests show: at first that of this machine's administrator; NULL: none */
	struct buffer to_send, received;
	bool is_complete;
};

/* As machines.drivers of the settings, for the next begin(); NULL: there are none. Calls have this long. */
extern const char *stage_drivers;
#define STAGE_DRIVER_MS 1000

void answer_all(void *user);
void run_until(struct stage *s, bool (*is_true)(struct stage *s));
int begin(void **state);
int end(void **state);
void ask(struct stage *s, const char *request, const char *header, const char *body);
bool is_complete(struct stage *s);
int status(const struct stage *s);
const char *body(const struct stage *s);
int get(struct stage *s, const char *request);
/* The body of an answer that came in chunks; the caller frees. */
char *stage_unchunk(const struct stage *s);
/* A topology of these spaces; a zhost in the region of its own name that says hello. */
void stage_submit(struct stage *s, const char *name, const char *spaces);
void stage_join(struct stage *s, const char *name);

#endif

/* What zrms' core does with inputs: cost grows with what there is to do, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "growth.h"
#include "schema/message.h"

#define PAGE	 32  /* of what zrms writes at once */
#define FEW	 20u /* of what is done beside n */
#define WEB	 "- {name: web, type: CALL}\n"
#define WEBS	 "- {name: web, type: CALL, count: COUNT}\n"
#define PROVIDER "- {name: db, type: CALL, public: true, exports: {port: \"5432\"}}\n"
#define IMPORTERS                                               \
	"- {name: db, type: CALL, exports: {port: \"5432\"}}\n" \
	"- {name: web, type: CALL, count: COUNT, imports: [{from: db}]}\n"

/* ---- submissions ---- */

static void four_zhosts(struct world *w)
{
	world_cluster(w, 4, 4);
}

static void submit_importers(struct world *w)
{
	world_submit(w, "shop", IMPORTERS);
	INVARIANT(world_held_by_all(w) == w->n + 1);
}

static void many_topologies(struct world *w)
{
	four_zhosts(w);
	world_submit_each(w, WEB);
	INVARIANT(world_held_by_all(w) == w->n);
}

static void importers(struct world *w)
{
	four_zhosts(w);
	submit_importers(w);
}

static void submit_beside(struct world *w)
{
	for (unsigned k = 0; k < FEW; k++) {
		CLEANUP(freep) char *name = str_printf("other-%u", k);
		world_submit(w, name, WEB);
	}
	INVARIANT(world_held_by_all(w) == w->n + FEW);
}

static void act(struct world *w, unsigned topology, enum topology_action action)
{
	world_take(w, &(struct control_input){
			      .type = CONTROL_TOPOLOGY,
			      .request = 1,
			      .topology = {.id = world_id(topology), .action = action}});
}

static void until_held(struct world *w, unsigned count)
{
	for (unsigned passes = 0; world_held_by_all(w) != count; passes++) {
		INVARIANT(passes < 100);
		for (unsigned z = 0; z < 4; z++)
			if (w->fleet.zhosts.items[z].link_id != 0)
				world_heartbeat(w, z);
		world_pass(w);
	}
}

static void stop_and_start(struct world *w)
{
	act(w, 1, TOPOLOGY_STOP);
	until_held(w, 0);
	act(w, 1, TOPOLOGY_START);
	until_held(w, w->n + 1);
}

static void remove_one(struct world *w)
{
	act(w, 1, TOPOLOGY_STOP);
	until_held(w, 0);
	act(w, 1, TOPOLOGY_REMOVE);
}

static void remove_beside(struct world *w)
{
	for (unsigned k = 1; k <= FEW; k++)
		act(w, k, TOPOLOGY_STOP);
	until_held(w, w->n - FEW);
	for (unsigned k = 1; k <= FEW; k++)
		act(w, k, TOPOLOGY_REMOVE);
}

/* ---- restart ---- */

static void restart(struct world *w)
{
	unsigned count = 0;
	w->control = control_new(&CONTROL_CONFIG_DEFAULT, "fleet");
	outbox_init(&w->outbox);
	fleet_settle(&w->fleet); /* the records of the last batch are kept */
	for (const struct fleet_record *r = w->fleet.records; r != NULL; r = r->hh.next) {
		int loaded = control_load(w->control, r->kind, r->data, r->size, NULL);
		INVARIANT(loaded == 0);
		count++;
	}
	int r = control_start(w->control, w->fleet.now, &w->outbox, NULL);
	INVARIANT(r == 0 && count > 2 * w->n);
	control_flush(w->control, w->fleet.now, &w->outbox);
}

/* ---- zhosts ---- */

static void all_on_one(struct world *w)
{
	world_cluster(w, 4, 1);
	world_submit_each(w, WEB);
	INVARIANT(world_held(w, 0) == w->n);
}

static void hello(struct world *w)
{
	world_join(w, 0, 1);
}

/* zrms has restarted, and hears of what it has records of. */
static void is_not_back(struct world *w)
{
	all_on_one(w);
	restart(w);
	control_free(w->fleet.control);
	w->fleet.control = steal_ptr(&w->control);
	outbox_done(&w->outbox);
}

static void fifty_heartbeats(struct world *w)
{
	for (unsigned k = 0; k < 50; k++) {
		world_heartbeat(w, 0);
		world_pass(w);
	}
}

static void is_lost(struct world *w)
{
	all_on_one(w);
	world_join(w, 1, 4);
}

static void lose(struct world *w)
{
	unsigned passes = 0;
	while (world_held_by_all(w) < 2 * w->n) {
		for (unsigned z = 1; z < 4; z++)
			world_heartbeat(w, z);
		world_pass(w);
		INVARIANT(++passes < 100);
	}
}

static void application_for_each (struct world *w)
{
	world_cluster(w, w->n + FEW, w->n);
	world_submit(w, "agents", "- {name: agent, type: NATIVE, count: each}\n");
	INVARIANT(world_held_by_all(w) == w->n);
}

static void join_beside(struct world *w)
{
	world_join(w, w->n, w->n + FEW);
	INVARIANT(world_held_by_all(w) == w->n + FEW);
}

static void one_on_each(struct world *w)
{
	world_cluster(w, w->n, w->n);
	world_submit(w, "shop", WEBS);
	INVARIANT(world_held_by_all(w) == w->n);
}

static void heartbeats_of_all(struct world *w)
{
	for (unsigned z = 0; z < w->n; z++)
		world_heartbeat(w, z);
	for (unsigned k = 0; k < 5; k++)
		world_pass(w);
}

/* ---- providers ---- */

/* Its process ends and is started once more. */
static void end_one(struct world *w, const char *path)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = fleet_kill(&w->fleet, path, &err);
	INVARIANT(r == 0);
	fleet_settle(&w->fleet);
}

static void end_provider(struct world *w)
{
	end_one(w, "db");
}

static void end_beside(struct world *w)
{
	for (unsigned k = 0; k < FEW; k++)
		end_one(w, "web");
}

static unsigned where(const struct world *w, const char *path)
{
	for (unsigned z = 0; z < w->fleet.zhosts.count; z++)
		for (const struct fleet_copy *c = w->fleet.zhosts.items[z].copies; c != NULL;
		     c = c->hh.next)
			if (str_equal(c->report->key->path, path))
				return z;
	return UINT_MAX;
}

static void move_provider(struct world *w)
{
	unsigned from = where(w, "db"), passes = 0;
	world_take(w, &(struct control_input){.type = CONTROL_MOVE,
					      .request = 1,
					      .move = {.id = world_id(1), .path = "db"}});
	while (where(w, "db") == from || world_held_by_all(w) > w->n + 1) {
		for (unsigned z = 0; z < 4; z++)
			world_heartbeat(w, z);
		world_pass(w);
		INVARIANT(++passes < 100);
	}
}

/* Each in a topology of its own. */
static void importers_of_another(struct world *w)
{
	four_zhosts(w);
	world_submit(w, "base", PROVIDER);
	world_submit_each(w, "- {name: web, type: CALL, imports: [{from: base/db}]}\n");
	INVARIANT(world_held_by_all(w) == w->n + 1);
}

/* ---- lists ---- */

/* Page by page, as a client asks for them, from `from` on (NULL: all). Takes the position before the last full page. */
static unsigned list(const struct world *w, enum control_list what, size_t page,
		     const char *from, char **take_last)
{
	struct list_position position = {0};
	CLEANUP(freep) char *text = from != NULL ? mem_strdup(from) : NULL;
	unsigned count = 0;
	size_t got;
	do {
		ProtobufCMessage *views[PAGE];
		if (text != NULL) {
			int r = list_position_parse(what, text, &position);
			INVARIANT(r == 0);
		}
		got = control_list_next(w->fleet.control, what, NULL, NULL, &position, views,
					page);
		for (size_t k = 0; k < got; k++)
			schema_message_free(views[k]);
		count += (unsigned)got;
		if (got == page && take_last != NULL) {
			free(*take_last);
			*take_last = steal_ptr(&text);
		}
		free(text);
		text = list_position_text(&position);
		list_position_done(&position);
	} while (got == page);
	return count;
}

static void find_last(struct world *w, enum control_list what)
{
	unsigned count = list(w, what, FEW, NULL, &w->last_page);
	INVARIANT(count >= w->n && w->last_page != NULL);
}

static void list_last(struct world *w, enum control_list what)
{
	for (unsigned k = 0; k < 10; k++) {
		unsigned count = list(w, what, FEW, w->last_page, NULL);
		INVARIANT(count >= FEW && count < 2 * FEW);
	}
}

static void last_of_instances(struct world *w)
{
	importers(w);
	find_last(w, CONTROL_LIST_SPACES);
}

static void last_of_topologies(struct world *w)
{
	many_topologies(w);
	find_last(w, CONTROL_LIST_TOPOLOGIES);
}

static void last_spaces_of_topologies(struct world *w)
{
	many_topologies(w);
	find_last(w, CONTROL_LIST_SPACES);
}

static void list_last_spaces(struct world *w)
{
	list_last(w, CONTROL_LIST_SPACES);
}

static void list_last_topologies(struct world *w)
{
	list_last(w, CONTROL_LIST_TOPOLOGIES);
}

static void list_zhosts(struct world *w)
{
	unsigned count = list(w, CONTROL_LIST_ZHOSTS, PAGE, NULL, NULL);
	INVARIANT(count == w->n);
}

/* A client names the age of the topology where it goes on, which is looked for once for each page. */
#define PAGES 1.2

const struct part control_parts[] = {
	{"20 submissions beside n topologies", 400, CONSTANT, many_topologies, submit_beside},
	{"20 removals beside n topologies", 400, 1.1 /* remains_note() */, many_topologies,
	 remove_beside},
	{"20 ends beside n topologies", 400, CONSTANT, many_topologies, end_beside},
	{"20 zhosts join beside n", 200, CONSTANT, application_for_each, join_beside},
	{"50 heartbeats with n instances", 200, CONSTANT, all_on_one, fifty_heartbeats},
	{"heartbeats of n zhosts", 200, LINEAR, one_on_each, heartbeats_of_all},
	{"submit n instances", 200, LINEAR, four_zhosts, submit_importers},
	{"stop and start n instances", 100, LINEAR, importers, stop_and_start},
	{"stop and remove n instances", 200, LINEAR, importers, remove_one},
	{"restart with n topologies", 100, LINEAR, many_topologies, restart},
	{"restart with n instances", 200, LINEAR, importers, restart},
	{"HELLO with n reports", 200, LINEAR, all_on_one, hello},
	{"HELLO with n reports after a restart", 100, LINEAR, is_not_back, hello},
	{"loss of a zhost with n instances", 100, LINEAR, is_lost, lose},
	{"end of a provider of n importers", 200, LINEAR, importers, end_provider},
	{"end of a provider of n topologies", 200, LINEAR, importers_of_another, end_provider},
	{"a provider of n importers moves", 200, LINEAR, importers, move_provider},
	{"last page of n instances", 400, PAGES, last_of_instances, list_last_spaces},
	{"last page of n topologies", 400, PAGES, last_of_topologies, list_last_topologies},
	{"last page of instances of n topologies", 400, PAGES, last_spaces_of_topologies,
	 list_last_spaces},
	{"pages of n zhosts", 200, 4.6 /* each looks at each name */, one_on_each, list_zhosts},
	{0},
};

#include "zbench/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/sqlite/store.h"
#include "base/buffer.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zbench/bench_engine.h"

#define NEW(type, descriptor) ((type *)schema_message_new(&descriptor))
#define ID_FORMAT	      "6d3f6c52-6c0e-4d0b-9a53-%012llx"
#define ID_SIZE		      37
#define DIGEST		      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

/* ---- copies on a zhost ---- */

static char *copy_key(const Samoza__V1__InstanceKey *key)
{
	return str_printf("%s/%s#%llu", key->topology, key->path,
			  (unsigned long long)key->epoch);
}

static void copy_remove(struct fleet_zhost *z, struct fleet_copy *copy)
{
	HASH_DEL(z->copies, copy);
	schema_message_free(copy->report);
	free(copy->key);
	free(copy);
}

static struct fleet_copy *copy_of(struct fleet_zhost *z, const Samoza__V1__InstanceKey *key)
{
	CLEANUP(freep) char *name = copy_key(key);
	struct fleet_copy *copy = NULL;
	HASH_FIND_STR(z->copies, name, copy);
	if (copy != NULL)
		return copy;
	copy = mem_new(struct fleet_copy);
	copy->key = steal_ptr(&name);
	copy->report = NEW(Samoza__V1__InstanceReport, samoza__v1__instance_report__descriptor);
	copy->report->key = (Samoza__V1__InstanceKey *)schema_message_copy(&key->base);
	HASH_ADD_KEYPTR(hh, z->copies, copy->key, strlen(copy->key), copy);
	return copy;
}

/* What a zhost does with one instance of a set, and reports of it. */
static Samoza__V1__InstanceReport *obey(struct fleet_zhost *z,
					const Samoza__V1__DesiredInstance *wanted)
{
	static const Samoza__V1__Phase phases[] = {
		[SAMOZA__V1__TARGET__TARGET_NONE] = SAMOZA__V1__PHASE__PHASE_ABSENT,
		[SAMOZA__V1__TARGET__TARGET_DEPLOYED] = SAMOZA__V1__PHASE__PHASE_DEPLOYED,
		[SAMOZA__V1__TARGET__TARGET_STARTED] = SAMOZA__V1__PHASE__PHASE_STARTED,
	};
	struct fleet_copy *copy = copy_of(z, wanted->key);
	copy->report->phase = phases[wanted->target];
	copy->report->observed_generation = wanted->generation;
	copy->report->has_imports_version = wanted->has_imports_version;
	copy->report->imports_version = wanted->imports_version;
	Samoza__V1__InstanceReport *report =
		(Samoza__V1__InstanceReport *)schema_message_copy(&copy->report->base);
	if (wanted->target == SAMOZA__V1__TARGET__TARGET_NONE)
		copy_remove(z, copy);
	return report;
}

/* ---- the mesh, as a zhost hears of it ---- */

static void peer_remove(struct fleet_table *t, struct fleet_peer *p)
{
	t->sum -= p->sum;
	HASH_DEL(t->peers, p);
	free(p);
}

static void table_clear(struct fleet_table *t)
{
	while (t->peers != NULL)
		peer_remove(t, t->peers);
}

static void table_remove(struct fleet_zhost *z, struct fleet_table *t)
{
	table_clear(t);
	HASH_DEL(z->tables, t);
	free(t);
}

static struct fleet_table *table_of(struct fleet_zhost *z, const char *topology)
{
	uint64_t id = str_hash(topology);
	struct fleet_table *t = NULL;
	HASH_FIND(hh, z->tables, &id, sizeof id, t);
	if (t != NULL)
		return t;
	t = mem_new(struct fleet_table);
	t->topology = id;
	t->part = mesh_part(topology);
	t->sum = mesh_topology_sum(topology);
	HASH_ADD(hh, z->tables, topology, sizeof t->topology, t);
	return t;
}

static void take_peer(struct fleet_table *t, const Samoza__V1__MeshPeer *said)
{
	uint64_t path = str_hash(said->path);
	struct fleet_peer *p = NULL;
	HASH_FIND(hh, t->peers, &path, sizeof path, p);
	if (p != NULL)
		peer_remove(t, p);
	if (said->zhost == NULL)
		return;
	p = mem_new(struct fleet_peer);
	p->path = path;
	p->sum = mesh_peer_sum(said);
	t->sum += p->sum;
	HASH_ADD(hh, t->peers, path, sizeof p->path, p);
}

static void take_table(struct fleet_zhost *z, const Samoza__V1__MeshTable *message)
{
	struct fleet_table *t = table_of(z, message->topology);
	if (message->full)
		table_clear(t);
	for (size_t k = 0; k < message->n_peers; k++)
		take_peer(t, message->peers[k]);
	if (t->peers == NULL)
		table_remove(z, t);
}

/* For HELLO; the caller frees. */
static uint64_t *mesh_sums(const struct fleet_zhost *z)
{
	uint64_t *sums = mem_new_array(uint64_t, MESH_PARTS);
	for (const struct fleet_table *t = z->tables; t != NULL; t = t->hh.next)
		sums[t->part] += t->sum;
	return sums;
}

/* ---- zrms ---- */

static void keep_record(struct fleet *f, struct record_change *change)
{
	CLEANUP(freep) char *key = str_printf("%d %s", (int)change->kind, change->id);
	struct fleet_record *record = NULL;
	HASH_FIND_STR(f->records, key, record);
	if (change->data == NULL) {
		if (record != NULL) {
			HASH_DEL(f->records, record);
			free(record->key);
			free(record->data);
			free(record);
		}
		return;
	}
	if (record == NULL) {
		record = mem_new(struct fleet_record);
		record->kind = change->kind;
		record->key = steal_ptr(&key);
		HASH_ADD_KEYPTR(hh, f->records, record->key, strlen(record->key), record);
	}
	free(record->data);
	record->data = steal_ptr(&change->data);
	record->size = change->size;
}

static void count_message(struct fleet *f, const struct link_message *m)
{
	size_t size = protobuf_c_message_get_packed_size(m->message);
	f->sent_bytes += size + 5; /* the header of a frame */
	if (!f->is_encoding)
		return;
	uint8_t *bytes = mem_calloc(size + 1, 1);
	(void)protobuf_c_message_pack(m->message, bytes);
	free(bytes);
}

static void flush(struct fleet *f)
{
	control_flush(f->control, f->now, &f->outbox);
	vector_for_each (&f->outbox.messages, m)
		count_message(f, m);
}

static struct fleet_zhost *zhost_of_link(struct fleet *f, uint64_t link_id);

/* What zrms wants to be kept, and said of the mesh. */
static void clear_outbox(struct fleet *f)
{
	vector_for_each (&f->outbox.records, r)
		keep_record(f, r);
	vector_for_each (&f->outbox.messages, m) {
		struct fleet_zhost *z = zhost_of_link(f, m->link_id);
		if (z != NULL && m->type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE)
			take_table(z, (const Samoza__V1__MeshTable *)m->message);
	}
	outbox_clear(&f->outbox);
}

void fleet_take(struct fleet *f, const struct control_input *input)
{
	clear_outbox(f);
	f->now.mono_ms++;
	f->now.wall_ms++;
	double begin = thread_cpu_seconds();
	control_handle(f->control, f->now, input, &f->outbox);
	flush(f);
	f->zrms_seconds += thread_cpu_seconds() - begin;
}

static struct fleet_zhost *zhost_of_link(struct fleet *f, uint64_t link_id)
{
	uint32_t *index = NULL;
	if (link_id < f->by_link.count)
		index = &f->by_link.items[link_id];
	struct fleet_zhost *z = index != NULL ? &f->zhosts.items[*index] : NULL;
	return z != NULL && z->link_id == link_id ? z : NULL;
}

struct answer_report {
	uint64_t link_id;
	Samoza__V1__Report *message;
};

static Samoza__V1__Report *answer(struct fleet_zhost *z, const Samoza__V1__Desired *set)
{
	Samoza__V1__Report *report = NEW(Samoza__V1__Report, samoza__v1__report__descriptor);
	report->instances = mem_new_array(Samoza__V1__InstanceReport *, set->n_instances);
	for (size_t k = 0; k < set->n_instances; k++)
		report->instances[report->n_instances++] = obey(z, set->instances[k]);
	return report;
}

void fleet_settle(struct fleet *f)
{
	VECTOR(struct answer_report) answers = {0};
	do {
		vector_clear(&answers);
		vector_for_each (&f->outbox.messages, m) {
			struct fleet_zhost *z = zhost_of_link(f, m->link_id);
			if (z == NULL || m->type != SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
				continue;
			const Samoza__V1__Desired *set =
				(const Samoza__V1__Desired *)m->message;
			if (set->n_instances > 0)
				*vector_add(&answers) =
					(struct answer_report){m->link_id, answer(z, set)};
		}
		clear_outbox(f);
		f->now.mono_ms++;
		f->now.wall_ms++;
		double begin = thread_cpu_seconds();
		vector_for_each (&answers, a) {
			const struct control_input input = {.type = CONTROL_REPORT,
							    .report = {a->link_id, a->message}};
			control_handle(f->control, f->now, &input, &f->outbox);
			schema_message_free(a->message);
		}
		flush(f);
		f->zrms_seconds += thread_cpu_seconds() - begin;
	} while (answers.count > 0);
	vector_done(&answers);
}

/* ---- zhosts ---- */

void fleet_hello(struct fleet *f, unsigned zhost)
{
	struct fleet_zhost *z = &f->zhosts.items[zhost];
	Samoza__V1__Hello *hello = NEW(Samoza__V1__Hello, samoza__v1__hello__descriptor);
	hello->protocol = f->protocol;
	hello->spec = NEW(Samoza__V1__ZhostSpec, samoza__v1__zhost_spec__descriptor);
	hello->spec->name = mem_strdup(z->name);
	hello->spec->cpu = mem_strdup("10000");
	hello->spec->memory = mem_strdup("16TiB");
	hello->identity = str_printf("identity of %s", z->name);
	hello->incarnation = 1;
	hello->instances = mem_new_array(Samoza__V1__InstanceReport *, HASH_COUNT(z->copies));
	for (struct fleet_copy *c = z->copies; c != NULL; c = c->hh.next)
		hello->instances[hello->n_instances++] =
			(Samoza__V1__InstanceReport *)schema_message_copy(&c->report->base);
	hello->n_mesh_sums = MESH_PARTS;
	hello->mesh_sums = mesh_sums(z);
	z->link_id = f->by_link.count;
	vector_push(&f->by_link, zhost);
	fleet_take(f, &(struct control_input){.type = CONTROL_HELLO,
					      .hello = {z->link_id, hello}});
	schema_message_free(hello);
}

int fleet_kill(struct fleet *f, const char *path, struct error **err)
{
	vector_for_each (&f->zhosts, z) {
		for (struct fleet_copy *c = z->copies; c != NULL; c = c->hh.next) {
			if (!str_equal(c->report->key->path, path))
				continue;
			c->report->phase = SAMOZA__V1__PHASE__PHASE_DEPLOYED;
			Samoza__V1__InstanceReport *list[] = {c->report};
			Samoza__V1__Report report = SAMOZA__V1__REPORT__INIT;
			report.n_instances = 1;
			report.instances = list;
			fleet_take(f, &(struct control_input){.type = CONTROL_REPORT,
							      .report = {z->link_id, &report}});
			return 0;
		}
	}
	return error_set(err, ERR_NOT_FOUND, "no zhost holds %s", path);
}

/* ---- topologies ---- */

static int read_topology(const char *name, const char *spaces, Samoza__V1__Topology **ret,
			 struct error **err)
{
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: %s}\nspaces:\n%s",
				name, spaces);
	ProtobufCMessage *message = NULL;
	int r = schema_read_yaml(&samoza__v1__topology__descriptor, NULL, text, strlen(text), 0,
				 NULL, &message, NULL, err);
	*ret = (Samoza__V1__Topology *)message;
	return r;
}

static void add_pages(Samoza__V1__RevisionRecord *record, const struct topology *topology,
		      unsigned assets)
{
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, topology->space_count);
	for (unsigned k = 0; k < topology->space_count; k++) {
		Samoza__V1__SpaceArtifacts *a = NEW(Samoza__V1__SpaceArtifacts,
						    samoza__v1__space_artifacts__descriptor);
		a->space = mem_strdup(topology->spaces[k].name);
		a->assets = mem_new_array(Samoza__V1__AssetFile *, assets);
		for (unsigned n = 0; n < assets; n++) {
			Samoza__V1__AssetFile *file =
				NEW(Samoza__V1__AssetFile, samoza__v1__asset_file__descriptor);
			file->name = n == 0 ? mem_strdup("index.html")
					    : str_printf("assets/%u.js", n);
			file->digest = mem_strdup(DIGEST);
			file->size_bytes = 1000;
			a->assets[a->n_assets++] = file;
		}
		record->artifacts[record->n_artifacts++] = a;
	}
}

int fleet_submit(struct fleet *f, const char *name, const char *spaces, unsigned assets,
		 struct error **err)
{
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	CLEANUP(schema_message_freep)
	Samoza__V1__RevisionRecord *record =
		NEW(Samoza__V1__RevisionRecord, samoza__v1__revision_record__descriptor);
	char id[ID_SIZE];
	int r = read_topology(name, spaces, &record->topology, err);
	if (r == 0)
		r = topology_compile(record->topology, NULL, NULL, NULL, &topology, err);
	if (r < 0)
		return error_wrap(err, "topology %s", name);
	record->application = mem_strdup("");
	record->package_digest = mem_strdup(DIGEST);
	if (assets > 0)
		add_pages(record, topology, assets);
	(void)snprintf(id, sizeof id, ID_FORMAT, (unsigned long long)++f->next_id);
	fleet_take(f, &(struct control_input){.type = CONTROL_SUBMIT,
					      .request = f->next_id,
					      .submit = {.id = id,
							 .topology = topology,
							 .record = record,
							 .options = {.start = true}}});
	vector_for_each (&f->outbox.replies, reply)
		if (reply->code != 0)
			return error_set(err, ERR_INVALID, "%s", reply->message);
	return 0;
}

/* ---- all ---- */

void fleet_init(struct fleet *f, unsigned zhosts)
{
	CLEANUP(error_freep) struct error *err = NULL;
	*f = (struct fleet){
		.control = control_new(&CONTROL_CONFIG_DEFAULT, "fleet"),
		.now = {.mono_ms = 1000, .wall_ms = INT64_C(1800000000000)},
		.protocol = 3,
	};
	outbox_init(&f->outbox);
	vector_push(&f->by_link, 0); /* link 0 is none */
	for (unsigned k = 1; k <= zhosts; k++)
		vector_add(&f->zhosts)->name = str_printf("bench-%u", k);
	int r = control_start(f->control, f->now, &f->outbox, &err);
	INVARIANT(r == 0); /* there are no records */
	flush(f);
}

void fleet_done(struct fleet *f)
{
	struct fleet_record *record, *next;
	control_free(f->control);
	outbox_done(&f->outbox);
	vector_for_each (&f->zhosts, z) {
		while (z->copies != NULL)
			copy_remove(z, z->copies);
		while (z->tables != NULL)
			table_remove(z, z->tables);
		free(z->name);
	}
	vector_done(&f->zhosts);
	vector_done(&f->by_link);
	HASH_ITER (hh, f->records, record, next) {
		HASH_DEL(f->records, record);
		free(record->key);
		free(record->data);
		free(record);
	}
	*f = (struct fleet){0};
}

/* ---- store ---- */

struct saving {
	struct loop loop;
	struct store *store;
	struct outbox outbox;
	struct error *err;
};

static void closed(void *user)
{
	struct saving *s = user;
	loop_stop(&s->loop);
}

static void committed(void *user, enum commit_outcome outcome, const struct error *error,
		      struct data_answer *answers)
{
	struct saving *s = user;
	(void)answers;
	if (outcome != COMMIT_DURABLE)
		(void)error_set(&s->err, error->code, "%s", error->message);
	s->store->ops->close(s->store, closed, s);
}

static int no_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)user, (void)kind, (void)data, (void)size;
	return error_set(err, ERR_CONFLICT, "a new store holds '%s'", id);
}

static void collect(struct fleet *f, struct outbox *o)
{
	clear_outbox(f);
	for (const struct fleet_record *r = f->records; r != NULL; r = r->hh.next)
		*vector_add(&o->records) =
			(struct record_change){.kind = r->kind,
					       .id = mem_strdup(strchr(r->key, ' ') + 1),
					       .data = mem_memdup(r->data, r->size),
					       .size = r->size};
}

int fleet_save(struct fleet *f, const char *directory, struct error **err)
{
	struct saving s = {0};
	int r = loop_init(&s.loop, err);
	if (r < 0)
		return r;
	r = sqlite_store_open_dir(&s.loop, directory, &s.store, err);
	if (r == 0)
		r = s.store->ops->load(s.store, no_record, NULL, err);
	if (r < 0)
		return r;
	outbox_init(&s.outbox);
	collect(f, &s.outbox);
	s.store->ops->commit(s.store, &s.outbox, committed, &s);
	loop_run(&s.loop);
	loop_done(&s.loop);
	outbox_done(&s.outbox);
	return s.err != NULL ? error_move(err, s.err) : 0;
}

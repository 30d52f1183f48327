/*
 * zhost/space/kind_wasm.c, kind_native.c and kind_ui.c: what each kind of space does for an action. The
 * test is the core, zrms' artifacts are in the cache, and fake_zrun.h plays the processes.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/sim/network.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "fake_zrun.h"
#include "model/space_defaults.h"
#include "zhost/mesh/hub_transport.h"
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
	struct cluster_timing timing;
	struct spacelogs *logs;
	struct ports *ports;
	struct mesh_transport *mesh_transport;
	struct mesh *mesh;
	struct data_service *data;
	struct native_runtime *native;
	struct zrun_processes *processes;
	struct residents *residents;
	uint64_t next_action;
	/* of the listener */
	unsigned done, ended;
	uint64_t action;
	char error[200];
	bool has_error, is_finished;
	int is_healthy; /* -1: not reported */
};

/* ---- the core ---- */

static void keep_error(struct stage *s, const char *error)
{
	s->has_error = error != NULL;
	(void)snprintf(s->error, sizeof(s->error), "%s", error != NULL ? error : "");
}

static void on_action_done(void *user, uint64_t action, const char *error, bool is_finished,
			   Samoza__V1__Variable *const *exports, size_t n_exports)
{
	struct stage *s = user;
	(void)exports;
	(void)n_exports;
	s->done++;
	s->action = action;
	s->is_finished = is_finished;
	keep_error(s, error);
}

static void on_ended(void *user, const Samoza__V1__InstanceKey *key, bool is_finished,
		     const char *error)
{
	struct stage *s = user;
	(void)key;
	s->ended++;
	s->is_finished = is_finished;
	keep_error(s, error);
}

static void on_health(void *user, const Samoza__V1__InstanceKey *key, bool is_healthy)
{
	struct stage *s = user;
	(void)key;
	s->is_healthy = is_healthy;
}

static void on_ports_changed(void *user, const char *id)
{
	(void)user;
	(void)id;
}

static void on_removed(void *user)
{
	(void)user;
}

static const struct residents_listener listener = {.action_done = on_action_done,
						   .ended = on_ended,
						   .health = on_health,
						   .ports_changed = on_ports_changed,
						   .removed = on_removed};

/* Borrowed until the next call but seven. */
static char *digest_of(const char *text)
{
	static char digests[8][ARTIFACT_DIGEST_CHARS + 1];
	static unsigned next;
	char *to = digests[next++ % 8];
	struct digest d;
	digest_init(&d);
	digest_add(&d, text, strlen(text));
	digest_final(&d, to);
	return to;
}

/* What an order of the core is about; tests change it before they order. */
struct instance {
	Samoza__V1__InstanceKey key;
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__Provider *imports[1];
	size_t n_imports;
	int64_t grace_ms, deadline_ms;
	Samoza__V1__Variable port, variable;
	Samoza__V1__Variable *exports[1], *variables[1];
	Samoza__V1__Provider provider;
	Samoza__V1__AssetFile recipe, asset;
	Samoza__V1__AssetFile *recipes[1], *assets[1];
	Samoza__V1__Probe probe;
};

static void instance_init(struct instance *i, const char *path, Samoza__V1__SpaceType type)
{
	*i = (struct instance){.grace_ms = 700, .deadline_ms = NEVER_MS};
	samoza__v1__instance_key__init(&i->key);
	i->key.topology = (char *)"t1";
	i->key.path = (char *)(uintptr_t)path;
	i->key.epoch = EPOCH;
	samoza__v1__variable__init(&i->port);
	i->port.name = (char *)"http";
	i->port.value = (char *)"";
	i->exports[0] = &i->port;
	samoza__v1__instance_spec__init(&i->spec);
	i->spec.topology_name = (char *)"app";
	i->spec.space = (char *)"api";
	i->spec.type = type;
	i->spec.exports = i->exports;
	i->spec.n_exports = 1;
	i->spec.native_platform = (char *)"test, x86_64";
	samoza__v1__asset_file__init(&i->recipe);
	i->recipe.name = (char *)"start";
	i->recipe.digest = digest_of("recipe");
	i->recipe.size_bytes = 6;
	i->recipe.has_executable = i->recipe.executable = true;
	i->recipes[0] = &i->recipe;
	samoza__v1__asset_file__init(&i->asset);
	i->asset.name = (char *)"index.html";
	i->asset.digest = digest_of("asset");
	i->asset.size_bytes = 5;
	i->assets[0] = &i->asset;
	samoza__v1__variable__init(&i->variable);
	i->variable.name = (char *)"port";
	i->variable.value = (char *)"42";
	i->variables[0] = &i->variable;
	samoza__v1__provider__init(&i->provider);
	i->provider.import = (char *)"db";
	i->provider.path = (char *)"db-1";
	i->provider.variables = i->variables;
	i->provider.n_variables = 1;
	i->imports[0] = &i->provider;
}

static struct instance wasm(void)
{
	struct instance i;
	instance_init(&i, "a", SAMOZA__V1__SPACE_TYPE__CALL);
	return i;
}

/* The members point into the copy that the caller keeps. */
static void settle(struct instance *i)
{
	i->exports[0] = &i->port;
	i->spec.exports = i->exports;
	i->recipes[0] = &i->recipe;
	i->assets[0] = &i->asset;
	i->variables[0] = &i->variable;
	i->provider.variables = i->variables;
	i->imports[0] = &i->provider;
	if (i->spec.type == SAMOZA__V1__SPACE_TYPE__NATIVE) {
		i->spec.recipes = i->recipes;
		i->spec.n_recipes = 1;
	}
	if (i->spec.type == SAMOZA__V1__SPACE_TYPE__NATIVE ||
	    i->spec.type == SAMOZA__V1__SPACE_TYPE__UI) {
		i->spec.assets = i->assets;
		i->spec.n_assets = 1;
	} else if (i->spec.native_digest == NULL) {
		i->spec.native_digest = digest_of("module");
	}
}

static void carry_out(struct stage *s, struct agent_order *o)
{
	struct task task;
	task_init(&task, o);
	residents_carry_out(s->residents, &task);
	task_done(&task);
	loop_run_ready(&s->loop);
}

static void order(struct stage *s, struct instance *i, enum agent_action kind)
{
	settle(i);
	s->done = 0;
	carry_out(s, &(struct agent_order){.type = ORDER_ACTION,
					   .action = ++s->next_action,
					   .kind = kind,
					   .key = &i->key,
					   .spec = &i->spec,
					   .imports = i->imports,
					   .n_imports = i->n_imports,
					   .grace_ms = i->grace_ms,
					   .deadline_ms = i->deadline_ms});
}

static void order_kill(struct stage *s, struct instance *i, enum agent_action kind)
{
	carry_out(s, &(struct agent_order){.type = ORDER_KILL,
					   .action = s->next_action,
					   .kind = kind,
					   .key = &i->key});
}

static void order_renew(struct stage *s, struct instance *i, int64_t deadline_ms)
{
	carry_out(s, &(struct agent_order){
			     .type = ORDER_RENEW, .key = &i->key, .deadline_ms = deadline_ms});
}

static void expect_done(struct stage *s, const char *error)
{
	assert_int_equal(s->done, 1);
	assert_int_equal(s->action, s->next_action);
	assert_string_equal(s->error, error);
	assert_int_equal(s->has_error, error[0] != '\0');
	s->done = 0;
}

static struct resident *resident(struct stage *s, const struct instance *i)
{
	return resident_find(s->residents, &i->key);
}

/* ---- the stage ---- */

static void put(struct stage *s, const char *content)
{
	struct artifact_writer *w = NULL;
	assert_int_equal(artifact_put(s->store, digest_of(content), &w, NULL), 0);
	assert_int_equal(artifact_write(w, content, strlen(content), NULL), 0);
	assert_int_equal(artifact_finish(w, NULL), 0);
}

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	assert_true(s->stream_count < ARRAY_SIZE(s->streams));
	s->streams[s->stream_count++] = stream;
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

/* zrms never answers: what is not in the cache does not arrive. */
static void make_artifacts(struct stage *s)
{
	s->cache_path = str_printf("%s/cache", s->dir.path);
	const struct artifact_directory_options directory = {.files = s->cache_path,
							     .temporary = s->cache_path,
							     .prefix = "new-",
							     .mode = 0444};
	assert_int_equal(artifact_directory_open(&directory, &s->store, NULL), 0);
	put(s, "module");
	put(s, "recipe");
	put(s, "asset");
	s->net = sim_network_new(&s->loop, 1);
	s->transport = sim_network_machine(s->net, "n1");
	s->zrms = sim_network_machine(s->net, "zrms");
	const struct stream_listen_options listen = {.at = {"zrms", 7331}};
	assert_int_equal(
		stream_listen(s->zrms, &listen, &listen_handler, s, &s->listener, NULL), 0);
	const struct artifacts_options options = {.loop = &s->loop,
						  .transport = s->transport,
						  .zrms = {.host = "zrms", .port = 7331},
						  .store = s->store,
						  .cache_path = s->cache_path,
						  .cache_bytes = 1 << 20,
						  .machine = "x86_64"};
	assert_int_equal(artifacts_new(&options, &s->artifacts, NULL), 0);
}

static bool every_port_is_free(uint16_t port)
{
	(void)port;
	return true;
}

static void make_residents(struct stage *s)
{
	const struct zrun_processes_options processes = {
		.loop = &s->loop, .host = &s->host.host, .run_fd = s->dir.run_fd};
	s->processes = zrun_processes_new(&processes);
	const struct residents_parts parts = {.loop = &s->loop,
					      .zhost = "n1",
					      .timing = &s->timing,
					      .starts_at_once = 1,
					      .artifacts = s->artifacts,
					      .data = s->data,
					      .mesh = s->mesh,
					      .native = s->native,
					      .ports = s->ports,
					      .logs = s->logs,
					      .processes = s->processes};
	s->residents = residents_new(&parts, &listener, s);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	s->is_healthy = -1;
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(s->directory) == NULL)
		return -1;
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	assert_int_equal(state_dir_open(&s->dir, s->directory, NULL), 0);
	assert_int_equal(state_dir_begin(&s->dir, NULL), 0);
	fake_host_init(&s->host);
	fake_upstream_init(&s->upstream);
	make_artifacts(s);
	s->timing = (struct cluster_timing){1000, 5000};
	s->logs = spacelogs_new(s->dir.log_fd);
	s->ports = ports_new("127.0.0.1", 1, every_port_is_free);
	s->mesh_transport = hub_transport_new(&s->upstream.upstream);
	s->mesh = mesh_new(&s->loop, "n1", s->mesh_transport);
	s->data = data_service_new(&s->loop, &s->upstream.upstream, NULL, NULL);
	assert_int_equal(native_runtime_new(&s->loop, &s->dir, "n1", &s->native, NULL), 0);
	make_residents(s);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	residents_free(s->residents);
	zrun_processes_free(s->processes);
	native_runtime_free(s->native);
	data_service_free(s->data);
	mesh_free(s->mesh);
	mesh_transport_free(s->mesh_transport);
	ports_free(s->ports);
	spacelogs_free(s->logs);
	artifacts_free(s->artifacts);
	artifact_store_free(s->store);
	loop_run_ready(&s->loop);
	for (size_t i = 0; i < s->stream_count; i++)
		stream_close(s->streams[i]);
	stream_listener_close(s->listener);
	loop_run_ready(&s->loop);
	stream_transport_free(s->transport);
	stream_transport_free(s->zrms);
	sim_network_free(s->net);
	fake_host_done(&s->host);
	fake_upstream_done(&s->upstream);
	loop_run_ready(&s->loop);
	loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	/* DIR/run may be a link into memory. */
	state_dir_close(&s->dir);
	free(s->cache_path);
	free(s);
	return r;
}

static bool file_exists(struct stage *s, const struct instance *i, const char *suffix)
{
	char name[INSTANCE_FILE_NAME_SIZE];
	instance_file_name(i->key.topology, i->key.path, i->key.epoch, name);
	CLEANUP(freep) char *file = str_printf("%s.%s", name, suffix);
	return faccessat(s->dir.run_fd, file, F_OK, 0) == 0;
}

#define assert_line(text, line)                                          \
	do {                                                             \
		CLEANUP(freep) char *all_ = str_printf("\n%s", text);    \
		CLEANUP(freep) char *line_ = str_printf("\n%s\n", line); \
		if (strstr(all_, line_) == NULL)                         \
			fail_msg("no line '%s' in:\n%s", line, text);    \
	} while (0)

/* ---- WebAssembly ---- */

static void deploy(struct stage *s, struct instance *i)
{
	order(s, i, ACTION_DEPLOY);
	expect_done(s, "");
	assert_int_equal(resident(s, i)->state, RESIDENT_DEPLOYED);
}

static struct fake_zrun *start(struct stage *s, struct instance *i)
{
	order(s, i, ACTION_START);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	expect_done(s, "");
	assert_int_equal(resident(s, i)->state, RESIDENT_STARTED);
	return z;
}

static uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room)
{
	size_t size = 0;
	loop_run_ready(&s->loop);
	return fake_zrun_receive(z, body, room, &size);
}

static void wasm_runs_its_module_with_its_identity_exports_and_imports(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	static char *capabilities[] = {(char *)"net.emit", (char *)"sys.log"};
	i.n_imports = 1;
	i.spec.capabilities = capabilities;
	i.spec.n_capabilities = 2;
	i.spec.has_stop_grace_ms = true;
	i.spec.stop_grace_ms = 900;
	deploy(s, &i);
	assert_int_equal(s->host.all.count, 0); /* no process for a deploy */
	order(s, &i, ACTION_START);
	const struct fake_zrun *z = fake_zrun_last(&s->host);
	CLEANUP(freep)
	char *module = str_printf("%s/%s", s->cache_path, digest_of("module"));
	assert_string_equal(z->module_path, module);
	assert_int_equal(z->epoch, EPOCH);
	assert_int_equal(z->capabilities, ZRUN_CAP_NET_EMIT | ZRUN_CAP_SYS_LOG);
	assert_int_equal(z->memory_bytes, space_defaults().memory_bytes);
	assert_int_equal(z->grace_ms, 900);
	assert_string_equal(z->imports, "db.port=42\ndb-1.port=42\n");
	CLEANUP(freep)
	char *port = str_printf("SAMOZA_EXPORT_http=%s", resident(s, &i)->exports[0]->value);
	assert_line(z->environment, port);
	assert_line(z->environment, "SAMOZA_ZHOST=n1");
	assert_string_equal(z->settings, "");
	assert_false(z->has_filter);
	assert_int_equal(s->done, 0); /* it has not started yet */
}

static void wasm_memory_is_what_the_space_asks_for(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	i.spec.has_memory_bytes = true;
	i.spec.memory_bytes = 7 << 20;
	deploy(s, &i);
	assert_int_equal(start(s, &i)->memory_bytes, 7 << 20);
}

static void wasm_is_reached_in_the_mesh_once_it_has_started(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	order(s, &i, ACTION_START);
	assert_non_null(resident(s, &i)->peer);
	assert_false(resident(s, &i)->peer->is_open);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	assert_true(resident(s, &i)->peer->is_open);
}

static void the_next_start_begins_with_the_hello_of_the_one_before(void **state)
{
	struct stage *s = *state;
	struct instance a = wasm(), b = wasm();
	b.key.path = (char *)"b";
	deploy(s, &a);
	deploy(s, &b);
	order(s, &a, ACTION_START);
	order(s, &b, ACTION_START);
	assert_int_equal(resident(s, &b)->state, RESIDENT_QUEUED);
	fake_zrun_hello(fake_zrun_last(&s->host), ZRUN_PHASE_STARTING);
	loop_run_ready(&s->loop);
	assert_int_equal(resident(s, &a)->state, RESIDENT_STARTING);
	assert_int_equal(resident(s, &b)->state, RESIDENT_STARTING);
}

static void wasm_without_its_module_waits_until_it_is_killed(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	i.spec.native_digest = digest_of("not in the cache");
	order(s, &i, ACTION_DEPLOY);
	assert_int_equal(s->done, 0);
	order_kill(s, &i, ACTION_DEPLOY);
	expect_done(s, "the artifact did not arrive in time");
	assert_null(resident(s, &i));
}

static void wasm_whose_module_was_evicted_fetches_it_again_at_its_start(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	assert_true(artifact_remove(s->store, digest_of("module")));
	order(s, &i, ACTION_START);
	assert_int_equal(s->host.all.count, 0);
	order_kill(s, &i, ACTION_START);
	expect_done(s, "the artifact did not arrive in time");
	assert_int_equal(resident(s, &i)->state, RESIDENT_DEPLOYED);
}

static void wasm_whose_launch_fails_can_be_started_again(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	s->host.launch_fails = true;
	order(s, &i, ACTION_START);
	expect_done(s, "the request is too large");
	assert_null(resident(s, &i)->peer);
	s->host.launch_fails = false;
	(void)start(s, &i);
}

static void wasm_gets_new_imports_as_a_frame(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	char body[64];
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	assert_int_equal(((const struct zrun_update *)body)->count, 2);
	assert_int_equal(s->done, 0);
	fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){0},
		       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	expect_done(s, "");
	order(s, &i, ACTION_UPDATE);
	fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){.result = -3},
		       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	expect_done(s, "on_update returned -3");
	assert_int_equal(resident(s, &i)->state, RESIDENT_STARTED);
}

static void wasm_has_stopped_when_its_process_has_ended(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct zrun_stop stop;
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	order(s, &i, ACTION_STOP);
	assert_int_equal(receive(s, z, &stop, sizeof(stop)), ZRUN_STOP);
	assert_in_range(stop.grace_ms, 1, 700);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	loop_run_ready(&s->loop);
	assert_int_equal(s->done, 0);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	order(s, &i, ACTION_UNDEPLOY);
	expect_done(s, "");
	assert_null(resident(s, &i));
	assert_false(file_exists(s, &i, "s") || file_exists(s, &i, "e"));
}

static void wasm_that_is_killed_loses_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	order_kill(s, &i, ACTION_UPDATE); /* on_update cannot be ended alone */
	assert_true(z->is_killed);
	fake_zrun_exit(z, SIGKILL);
	expect_done(s, "killed by signal 9 (Killed)");
	assert_int_equal(s->ended, 1);
}

static void wasm_that_finishes_during_its_start_has_not_failed(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	deploy(s, &i);
	order(s, &i, ACTION_START);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_stopped(z, ZRUN_STOPPED_FINISHED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	assert_true(s->is_finished);
}

static void a_lease_is_for_exclusive_instances(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct zrun_renew renew;
	i.spec.has_exclusive = i.spec.exclusive = true;
	i.deadline_ms = loop_now(&s->loop).mono_ms + 60000;
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	/* The timeout of 5 s less two heartbeats of 1 s is the longest grace. */
	assert_int_equal(z->end_at_ms - z->stop_at_ms, 3000);
	assert_int_equal(receive(s, z, &renew, sizeof(renew)), ZRUN_RENEW); /* after HELLO */
	order_renew(s, &i, i.deadline_ms + 10000);
	assert_int_equal(receive(s, z, &renew, sizeof(renew)), ZRUN_RENEW);
	assert_in_range(renew.end_at_ms, z->end_at_ms + 9000, z->end_at_ms + 11000);
}

static void without_exclusive_there_is_no_lease(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	char body[64];
	deploy(s, &i);
	struct fake_zrun *z = start(s, &i);
	assert_int_equal(z->end_at_ms, 0);
	order_renew(s, &i, loop_now(&s->loop).mono_ms + 60000);
	assert_int_equal(receive(s, z, body, sizeof(body)), 0);
}

static void the_usage_of_an_instance_is_that_of_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct usage_sum sum = {.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	deploy(s, &i);
	residents_usage(s->residents, &sum);
	assert_int_equal(sum.memory_pages, 0);
	s->host.pid = getpid();
	(void)start(s, &i);
	residents_usage(s->residents, &sum);
	assert_true(sum.memory_pages > 0);
	(void)close(sum.proc_fd);
}

static int32_t emit(struct stage *s, struct fake_zrun *z, size_t size)
{
	static char body[sizeof(struct zrun_emit) + 3 + ZRUN_PAYLOAD_MAX + 1];
	const struct zrun_emit head = {.address_size = 3};
	struct zrun_result result = {0};
	memcpy(mempcpy(body, &head, sizeof(head)), "web", 3);
	fake_zrun_send(z, ZRUN_EMIT, 1, body, sizeof(head) + 3 + size);
	loop_run_ready(&s->loop);
	assert_int_equal(receive(s, z, &result, sizeof(result)), ZRUN_EMIT_RESULT);
	return result.status;
}

static void an_instance_sends_only_what_it_may(void **state)
{
	static char *capabilities[] = {(char *)"net.emit"};
	struct stage *s = *state;
	struct instance without = wasm();
	deploy(s, &without);
	assert_int_equal(emit(s, start(s, &without), 1), -EPERM);
	struct instance with = wasm();
	with.key.path = (char *)"b";
	with.spec.capabilities = capabilities;
	with.spec.n_capabilities = 1;
	deploy(s, &with);
	struct fake_zrun *z = start(s, &with);
	assert_int_equal(emit(s, z, 0), -EINVAL);
	assert_int_equal(emit(s, z, ZRUN_PAYLOAD_MAX + 1), -EMSGSIZE);
	assert_int_equal(emit(s, z, 1), -ENOENT); /* it has no path of that name */
}

/* ---- after a restart of zhost ---- */

static bool load(struct stage *s, struct instance *i, struct exit_report *ret_report)
{
	Samoza__V1__DesiredInstance desired = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	settle(i);
	desired.key = &i->key;
	desired.spec = &i->spec;
	residents_load(s->residents, &desired, SAMOZA__V1__PHASE__PHASE_STARTED);
	residents_await_hello(s->residents);
	return residents_take_up(s->residents, &i->key, ret_report);
}

static void the_exit_report_of_a_process_that_is_gone_is_found(void **state)
{
	struct stage *s = *state;
	struct instance i = wasm();
	struct exit_report report;
	const struct zrun_stopped stopped = {.cause = ZRUN_STOPPED_FINISHED};
	const struct zrun_frame frame = {.size = sizeof(stopped), .type = ZRUN_STOPPED};
	char name[INSTANCE_FILE_NAME_SIZE];
	instance_file_name("t1", "a", EPOCH, name);
	CLEANUP(freep) char *file = str_printf("%s.e", name);
	int fd = openat(s->dir.run_fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &frame, sizeof(frame)), sizeof(frame));
	assert_int_equal(write(fd, &stopped, sizeof(stopped)), sizeof(stopped));
	(void)close(fd);
	assert_false(load(s, &i, &report));
	assert_true(report.is_known && report.is_finished);
	assert_int_equal(resident(s, &i)->state, RESIDENT_DEPLOYED);
	free(report.error);
}

/* ---- UI ---- */

static struct instance ui(void)
{
	struct instance i;
	instance_init(&i, "w", SAMOZA__V1__SPACE_TYPE__UI);
	return i;
}

static void pages_need_no_process_for_any_action(void **state)
{
	static const enum agent_action actions[] = {ACTION_DEPLOY, ACTION_START, ACTION_UPDATE,
						    ACTION_STOP, ACTION_UNDEPLOY};
	struct stage *s = *state;
	struct instance i = ui();
	for (size_t k = 0; k < ARRAY_SIZE(actions); k++) {
		order(s, &i, actions[k]);
		expect_done(s, "");
		bool is_started = actions[k] == ACTION_START || actions[k] == ACTION_UPDATE;
		if (actions[k] != ACTION_UNDEPLOY)
			assert_int_equal(resident(s, &i)->peer != NULL &&
						 resident(s, &i)->peer->is_open,
					 is_started);
	}
	assert_null(resident(s, &i));
	assert_int_equal(s->host.all.count, 0);
}

static void pages_that_do_not_arrive_fail_the_deploy(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	i.asset.digest = digest_of("not in the cache");
	order(s, &i, ACTION_DEPLOY);
	assert_int_equal(s->done, 0);
	order_kill(s, &i, ACTION_DEPLOY);
	expect_done(s, "the artifact did not arrive in time");
}

static void pages_are_served_again_after_a_restart(void **state)
{
	struct stage *s = *state;
	struct instance i = ui();
	struct exit_report report;
	assert_true(load(s, &i, &report));
	assert_true(resident(s, &i)->peer->is_open);
}

/* ---- NATIVE ---- */

static struct instance native(void)
{
	struct instance i;
	instance_init(&i, "n", SAMOZA__V1__SPACE_TYPE__NATIVE);
	return i;
}

static void expect_setting(const struct fake_zrun *z, const char *setting)
{
	assert_line(z->settings, setting);
}

/* A deploy or undeploy: its process does the work and ends. */
static struct fake_zrun *recipe_ends(struct stage *s, struct instance *i,
				     enum agent_action action)
{
	order(s, i, action);
	assert_int_equal(s->done, 0);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_stopped(z, ZRUN_STOPPED_FINISHED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	return z;
}

static void a_native_deploy_is_a_process_with_the_list_of_files(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	char name[INSTANCE_FILE_NAME_SIZE], text[400] = "";
	instance_file_name("t1", "n", EPOCH, name);
	order(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	expect_setting(z, "action=deploy");
	expect_setting(z, "recipes=start");
	CLEANUP(freep) char *directory = str_printf("%s/spaces/%s", s->dir.path, name);
	assert_string_equal(z->module_path, directory);
	assert_true(z->has_filter);
	assert_line(z->environment, "SAMOZA_ZHOST=n1");
	CLEANUP(freep) char *list = str_printf("%s.f", name);
	int fd = openat(s->dir.run_fd, list, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	CLEANUP(freep)
	char *expected = str_printf("755 %s recipes/start\n644 %s index.html\n",
				    digest_of("recipe"), digest_of("asset"));
	assert_string_equal(text, expected);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_stopped(z, ZRUN_STOPPED_FINISHED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	assert_int_equal(resident(s, &i)->state, RESIDENT_DEPLOYED);
}

static void a_native_deploy_that_fails_leaves_nothing(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	order(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_failed(z, "recipe deploy: exit status 3");
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_RECIPE) << 8);
	expect_done(s, "recipe deploy: exit status 3");
	assert_null(resident(s, &i));
}

static void a_native_deploy_can_be_killed_while_it_fetches_and_while_it_runs(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	i.asset.digest = digest_of("not in the cache");
	order(s, &i, ACTION_DEPLOY);
	order_kill(s, &i, ACTION_DEPLOY);
	expect_done(s, "the artifact did not arrive in time");
	assert_int_equal(s->host.all.count, 0);
	i.asset.digest = digest_of("asset");
	order(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	order_kill(s, &i, ACTION_DEPLOY);
	assert_true(z->is_killed);
	fake_zrun_exit(z, SIGKILL);
	expect_done(s, "killed by signal 9 (Killed)");
}

static void a_native_deploy_that_was_stopped_was_interrupted(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	order(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	fake_zrun_exit(z, 0);
	expect_done(s, "it was interrupted");
}

static void a_native_start_has_probes_imports_and_its_ancestors(void **state)
{
	struct stage *s = *state;
	struct instance parent = wasm(), i = native();
	deploy(s, &parent);
	(void)start(s, &parent);
	i.spec.parent = (char *)"a";
	i.key.path = (char *)"a/n";
	i.n_imports = 1;
	samoza__v1__probe__init(&i.probe);
	i.probe.http = (char *)"http://127.0.0.1:${http}/ready";
	i.probe.has_failures = true;
	i.probe.failures = 2;
	i.spec.ready = &i.probe;
	i.spec.health = &i.probe;
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	expect_setting(z, "action=start");
	CLEANUP(freep) char *port = ports_record(s->ports, resident(s, &i)->id);
	assert_true(str_has_prefix(port, "http="));
	CLEANUP(freep)
	char *probe = str_printf("http://127.0.0.1:%s/ready", port + strlen("http="));
	CLEANUP(freep) char *ready = str_printf("ready.http=%s", probe);
	CLEANUP(freep) char *health = str_printf("health.http=%s", probe);
	expect_setting(z, ready);
	expect_setting(z, health);
	expect_setting(z, "health.interval_ms=10000");
	expect_setting(z, "health.timeout_ms=5000");
	expect_setting(z, "health.failures=2");
	assert_line(z->environment, "SAMOZA_ANCESTOR_api_PATH=a");
	assert_string_equal(z->imports, "db db-1 port=42\n");
	assert_null(resident(s, &i)->peer); /* messages do not reach it */
}

static void a_native_process_reports_its_health(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	assert_int_equal(s->is_healthy, -1);
	fake_zrun_send(z, ZRUN_HEALTH, 0, &(struct zrun_health){.is_healthy = 0}, 1);
	loop_run_ready(&s->loop);
	assert_int_equal(s->is_healthy, 0);
	fake_zrun_failed(z, "the health check failed 3 times");
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_HEALTH) << 8);
	assert_int_equal(s->ended, 1);
	assert_string_equal(s->error, "the health check failed 3 times");
	assert_int_equal(resident(s, &i)->state, RESIDENT_DEPLOYED);
}

static void a_native_update_that_takes_too_long_is_ended_alone(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	char body[128];
	struct zrun_updated updated = {.result = -1};
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	order_kill(s, &i, ACTION_UPDATE);
	assert_false(z->is_killed);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_CANCEL);
	memcpy(mempcpy(body, &updated, sizeof(updated)), "took too long", 13);
	fake_zrun_send(z, ZRUN_UPDATED, 0, body, sizeof(updated) + 13);
	loop_run_ready(&s->loop);
	expect_done(s, "took too long");
	assert_int_equal(resident(s, &i)->state, RESIDENT_STARTED);
}

static void a_native_instance_is_stopped_and_removed_by_processes(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	struct zrun_stop stop;
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	order(s, &i, ACTION_STOP);
	assert_int_equal(receive(s, z, &stop, sizeof(stop)), ZRUN_STOP);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	expect_setting(recipe_ends(s, &i, ACTION_UNDEPLOY), "action=undeploy");
	assert_null(resident(s, &i));
	assert_false(file_exists(s, &i, "s") || file_exists(s, &i, "e") ||
		     file_exists(s, &i, "f"));
}

static void a_native_undeploy_that_fails_can_be_repeated(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	order(s, &i, ACTION_UNDEPLOY);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_failed(z, "recipe undeploy: exit status 1");
	fake_zrun_exit(z, (ZRUN_EXIT_FAILED + ZRUN_FAILED_RECIPE) << 8);
	expect_done(s, "recipe undeploy: exit status 1");
	assert_int_equal(resident(s, &i)->state, RESIDENT_DEPLOYED);
	(void)recipe_ends(s, &i, ACTION_UNDEPLOY);
	assert_null(resident(s, &i));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wasm_runs_its_module_with_its_identity_exports_and_imports),
		TEST(wasm_memory_is_what_the_space_asks_for),
		TEST(wasm_is_reached_in_the_mesh_once_it_has_started),
		TEST(the_next_start_begins_with_the_hello_of_the_one_before),
		TEST(wasm_without_its_module_waits_until_it_is_killed),
		TEST(wasm_whose_module_was_evicted_fetches_it_again_at_its_start),
		TEST(wasm_whose_launch_fails_can_be_started_again),
		TEST(wasm_gets_new_imports_as_a_frame),
		TEST(wasm_has_stopped_when_its_process_has_ended),
		TEST(wasm_that_is_killed_loses_its_process),
		TEST(wasm_that_finishes_during_its_start_has_not_failed),
		TEST(a_lease_is_for_exclusive_instances),
		TEST(without_exclusive_there_is_no_lease),
		TEST(the_usage_of_an_instance_is_that_of_its_process),
		TEST(an_instance_sends_only_what_it_may),
		TEST(the_exit_report_of_a_process_that_is_gone_is_found),
		TEST(pages_need_no_process_for_any_action),
		TEST(pages_that_do_not_arrive_fail_the_deploy),
		TEST(pages_are_served_again_after_a_restart),
		TEST(a_native_deploy_is_a_process_with_the_list_of_files),
		TEST(a_native_deploy_that_fails_leaves_nothing),
		TEST(a_native_deploy_can_be_killed_while_it_fetches_and_while_it_runs),
		TEST(a_native_deploy_that_was_stopped_was_interrupted),
		TEST(a_native_start_has_probes_imports_and_its_ancestors),
		TEST(a_native_process_reports_its_health),
		TEST(a_native_update_that_takes_too_long_is_ended_alone),
		TEST(a_native_instance_is_stopped_and_removed_by_processes),
		TEST(a_native_undeploy_that_fails_can_be_repeated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

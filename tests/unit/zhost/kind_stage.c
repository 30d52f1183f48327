#include "kind_stage.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/sim/network.h"
#include "base/str.h"
#include "core/agent/import_set.h"
#include "zhost/mesh/hub_transport.h"

/* ---- the core ---- */

static void keep_error(struct stage *s, const char *error)
{
	s->has_error = error != NULL;
	(void)snprintf(s->error, sizeof(s->error), "%s", error != NULL ? error : "");
}

static void on_action_done(void *user, uint64_t action, const struct action_end *end,
			   Samoza__V1__Variable *const *exports, size_t n_exports)
{
	struct stage *s = user;
	(void)exports;
	(void)n_exports;
	s->done++;
	s->action = action;
	s->is_finished = end->is_finished;
	s->is_unreached = end->is_unreached;
	s->settings_failed = end->settings_failed;
	keep_error(s, end->error);
}

static void on_ended(void *user, const Samoza__V1__InstanceKey *key, bool is_finished,
		     bool is_ended, bool not_renewed, const char *error)
{
	(void)is_ended;
	(void)not_renewed;
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

char *digest_of(const char *text)
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

void instance_init(struct instance *i, const char *path, Samoza__V1__SpaceType type)
{
	*i = (struct instance){.grace_ms = 700, .stop_ms = NEVER_MS, .deadline_ms = NEVER_MS};
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

static struct import_set *providers_of(const struct instance *i)
{
	struct import_set *set = import_set_new();
	for (size_t k = 0; k < i->n_imports; k++) {
		struct agent_provider *p = agent_provider_new(i->imports[k]);
		import_set_add(set, p);
		agent_provider_unref(p);
	}
	return set;
}

void order(struct stage *s, struct instance *i, enum agent_action kind)
{
	settle(i);
	s->done = 0;
	struct import_set *set = providers_of(i);
	carry_out(s, &(struct agent_order){.type = ORDER_ACTION,
					   .action = ++s->next_action,
					   .kind = kind,
					   .key = &i->key,
					   .spec = &i->spec,
					   .serves = !i->has_left,
					   .drops_settings = i->drops_settings,
					   .imports = i->imports,
					   .n_imports = i->n_imports,
					   .import_set = set,
					   .grace_ms = i->grace_ms,
					   .stop_ms = i->stop_ms,
					   .deadline_ms = i->deadline_ms});
	import_set_unref(set);
}

void order_kill(struct stage *s, struct instance *i, enum agent_action kind)
{
	carry_out(s, &(struct agent_order){.type = ORDER_KILL,
					   .action = s->next_action,
					   .kind = kind,
					   .key = &i->key});
}

void order_renew(struct stage *s, struct instance *i, int64_t deadline_ms)
{
	carry_out(s, &(struct agent_order){.type = ORDER_RENEW,
					   .key = &i->key,
					   .stop_ms = deadline_ms - 3000,
					   .deadline_ms = deadline_ms});
}

void expect_done(struct stage *s, const char *error)
{
	assert_int_equal(s->done, 1);
	assert_int_equal(s->action, s->next_action);
	assert_string_equal(s->error, error);
	assert_int_equal(s->has_error, error[0] != '\0');
	s->done = 0;
}

struct resident *resident_of(struct stage *s, const struct instance *i)
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
	static char host[] = "zrms";
	static const struct zrms_addresses zrms = {
		.hosts = {host}, .ports = {7331}, .count = 1};
	const struct artifacts_options options = {.loop = &s->loop,
						  .transport = s->transport,
						  .zrms = &zrms,
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

int kinds_begin(void **state)
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
	s->logs = spacelogs_new(s->dir.log_fd);
	s->ports = ports_new("127.0.0.1", 1, every_port_is_free);
	s->mesh_transport = hub_transport_new(&s->upstream.upstream);
	s->mesh = mesh_new(&s->loop, "n1", s->mesh_transport);
	s->data = data_service_new(&s->loop, &s->upstream.upstream, NULL, NULL);
	assert_int_equal(
		native_runtime_new(&s->loop, &s->dir, "n1", &s->closed, NULL, &s->native, NULL),
		0);
	make_residents(s);
	return 0;
}

int kinds_end(void **state)
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
	artifact_store_free(s->store);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	/* DIR/run may be a link into memory. */
	state_dir_close(&s->dir);
	free(s->cache_path);
	free(s);
	return r;
}

bool file_exists(struct stage *s, const struct instance *i, const char *suffix)
{
	char name[INSTANCE_FILE_NAME_SIZE];
	instance_file_name(i->key.topology, i->key.path, i->key.epoch, name);
	CLEANUP(freep) char *file = str_printf("%s.%s", name, suffix);
	return faccessat(s->dir.run_fd, file, F_OK, 0) == 0;
}

void deploy(struct stage *s, struct instance *i)
{
	order(s, i, ACTION_DEPLOY);
	expect_done(s, "");
	assert_int_equal(resident_of(s, i)->state, RESIDENT_DEPLOYED);
}

struct fake_zrun *start(struct stage *s, struct instance *i)
{
	order(s, i, ACTION_START);
	struct fake_zrun *z = fake_zrun_last(&s->host);
	fake_zrun_hello(z, ZRUN_PHASE_STARTING);
	fake_zrun_send(z, ZRUN_STARTED, 0, NULL, 0);
	loop_run_ready(&s->loop);
	expect_done(s, "");
	assert_int_equal(resident_of(s, i)->state, RESIDENT_STARTED);
	return z;
}

uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room)
{
	size_t size = 0;
	loop_run_ready(&s->loop);
	return fake_zrun_receive(z, body, room, &size);
}

bool load(struct stage *s, struct instance *i, struct exit_report *ret_report)
{
	Samoza__V1__DesiredInstance desired = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	settle(i);
	desired.key = &i->key;
	desired.spec = &i->spec;
	residents_load(s->residents, &desired, SAMOZA__V1__PHASE__PHASE_STARTED);
	assert_int_equal(residents_await_hello(s->residents, NULL), 0);
	return residents_take_up(s->residents, &i->key, ret_report);
}

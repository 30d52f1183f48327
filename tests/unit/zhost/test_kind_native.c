/* zhost/space/kind_native.c: each action of a NATIVE space is a process or a frame to it. */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "descriptors.h"
#include "kind_stage.h"

static struct instance wasm(void)
{
	struct instance i;
	instance_init(&i, "a", SAMOZA__V1__SPACE_TYPE__CALL);
	return i;
}

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
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_DEPLOYED);
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
	assert_null(resident_of(s, &i));
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
	CLEANUP(freep) char *port = ports_record(s->ports, resident_of(s, &i)->id);
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
	assert_null(resident_of(s, &i)->peer); /* messages do not reach it */
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
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_DEPLOYED);
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
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_STARTED);
}

/* Of what did not reach it the core is told, since it tries that again. */
static void
a_native_update_whose_template_does_not_arrive_has_not_reached_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	char body[256];
	struct zrun_updated updated = {.result = -1};
	Samoza__V1__AssetFile file = SAMOZA__V1__ASSET_FILE__INIT;
	Samoza__V1__AssetFile *files[] = {&file};
	file.name = (char *)"app.conf";
	file.digest = digest_of("a template that zrms has");
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	i.spec.config = files;
	i.spec.n_config = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(s->done, 0);
	order_kill(s, &i, ACTION_UPDATE);
	expect_done(s, "the artifact did not arrive in time");
	assert_true(s->is_unreached);
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_STARTED);
	assert_int_equal(receive(s, z, body, sizeof(body)), 0);

	/* Here it is; what the program says to it is not tried again. */
	i.spec.n_config = 0;
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	memcpy(mempcpy(body, &updated, sizeof(updated)), "no", 2);
	fake_zrun_send(z, ZRUN_UPDATED, 0, body, sizeof(updated) + 2);
	loop_run_ready(&s->loop);
	expect_done(s, "no");
	assert_false(s->is_unreached);
}

/* An update that the process takes. */
static void update(struct stage *s, struct instance *i, struct fake_zrun *z)
{
	char body[256];
	order(s, i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	fake_zrun_send(z, ZRUN_UPDATED, 0, &(struct zrun_updated){0},
		       sizeof(struct zrun_updated));
	loop_run_ready(&s->loop);
	expect_done(s, "");
}

static bool is_connecting(void *user)
{
	const struct fake_zrun *z = user;
	struct pollfd poll_for = {.fd = z->listener_fd, .events = POLLIN};
	return poll(&poll_for, 1, 0) == 1;
}

/* Else it would wait for an answer that never comes, and could not be stopped either. */
static void an_update_whose_connection_was_lost_has_not_reached_its_process(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	char body[256];
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	order(s, &i, ACTION_UPDATE);
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	fake_zrun_hang_up(z);
	loop_run_until(&s->loop, is_connecting, z);
	assert_int_equal(s->done, 0);
	fake_zrun_hello(z, ZRUN_PHASE_STARTED);
	loop_run_ready(&s->loop);
	expect_done(s, "the connection to its process was lost");
	assert_true(s->is_unreached);
	update(s, &i, z);
}

/* The pairs "NAME=VALUE;" of an update that came. */
static void expect_update(struct stage *s, struct fake_zrun *z, const char *pairs)
{
	char body[512], seen[512] = "";
	struct zrun_update update;
	assert_int_equal(receive(s, z, body, sizeof(body)), ZRUN_UPDATE);
	memcpy(&update, body, sizeof(update));
	const char *at = body + sizeof(update);
	for (uint32_t n = 0; n < update.count; n++) {
		struct zrun_import import;
		memcpy(&import, at, sizeof(import));
		at += sizeof(import);
		strncat(seen, at, import.name_size);
		strcat(seen, "=");
		strncat(seen, at + import.name_size, import.value_size);
		strcat(seen, ";");
		at += import.name_size + import.value_size;
	}
	assert_string_equal(seen, pairs);
}

static void answer_update(struct stage *s, struct fake_zrun *z, const char *error)
{
	char body[128];
	struct zrun_updated updated = {.result = error[0] != '\0' ? -1 : 0};
	memcpy(mempcpy(body, &updated, sizeof(updated)), error, strlen(error));
	fake_zrun_send(z, ZRUN_UPDATED, 0, body, sizeof(updated) + strlen(error));
	loop_run_ready(&s->loop);
}

#define SEVERAL_LINES                                                                        \
	"env B: the value of ${imports.db.port} has several lines: put it alone on a line, " \
	"or export it without line breaks"

static void a_value_that_cannot_be_filled_in_does_not_hold_up_imports(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	Samoza__V1__Variable env[2] = {SAMOZA__V1__VARIABLE__INIT, SAMOZA__V1__VARIABLE__INIT};
	Samoza__V1__Variable *all[] = {&env[0], &env[1]};
	env[0].name = (char *)"A";
	env[0].value = (char *)"1";
	env[1].name = (char *)"B";
	env[1].value = (char *)"port ${imports.db.port}";
	i.spec.env = all;
	i.spec.n_env = 2;
	i.n_imports = 1;
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	i.variable.value = (char *)"4\n3";
	order(s, &i, ACTION_UPDATE);
	expect_update(s, z, "db db-1 port=4\n3;@ keep -=;");
	answer_update(s, z, "");
	expect_done(s, SEVERAL_LINES);
	assert_true(s->settings_failed);
	assert_false(s->is_unreached);

	/* What its recipe says is reported, too. */
	order(s, &i, ACTION_UPDATE);
	expect_update(s, z, "db db-1 port=4\n3;@ keep -=;");
	answer_update(s, z, "no");
	expect_done(s, "no; " SEVERAL_LINES);
	assert_true(s->settings_failed);

	i.variable.value = (char *)"43";
	order(s, &i, ACTION_UPDATE);
	expect_update(s, z, "db db-1 port=43;@ env A=1;@ env B=port 43;");
	answer_update(s, z, "");
	expect_done(s, "");
	assert_false(s->settings_failed);

	/* The last of them goes, and that is said: a set without any would be of a zhost that knows none. */
	i.spec.n_env = 0;
	i.drops_settings = true;
	order(s, &i, ACTION_UPDATE);
	expect_update(s, z, "db db-1 port=43;@ none -=;");
	answer_update(s, z, "");
	expect_done(s, "");
}

/* docs/native-spaces.md: `undeploy` sees no imports. */
static void a_native_undeploy_sees_nothing_of_the_update_before(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	struct zrun_stop stop;
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	struct fake_zrun *z = start(s, &i);
	i.n_imports = 1;
	update(s, &i, z);
	i.n_imports = 0; /* as the core orders what follows */
	order(s, &i, ACTION_STOP);
	assert_int_equal(receive(s, z, &stop, sizeof(stop)), ZRUN_STOP);
	fake_zrun_stopped(z, ZRUN_STOPPED_ASKED);
	fake_zrun_exit(z, 0);
	expect_done(s, "");
	assert_string_equal(recipe_ends(s, &i, ACTION_UNDEPLOY)->imports, "");
}

/* What zrun makes with a deploy. */
static char *make_directories(struct stage *s, const struct resident *r)
{
	char *package = str_printf("%s/spaces/%s/package", s->directory, r->file_name);
	CLEANUP(freep) char *data = str_printf("%s/spaces/%s/data", s->directory, r->file_name);
	CLEANUP(freep) char *spaces = str_printf("%s/spaces", s->directory);
	CLEANUP(freep) char *own = str_printf("%s/%s", spaces, r->file_name);
	(void)mkdir(spaces, 0755);
	assert_int_equal(mkdir(own, 0755), 0);
	assert_int_equal(mkdir(package, 0755), 0);
	assert_int_equal(mkdir(data, 0755), 0);
	return package;
}

static void files_of_config_are_made_where_there_are_some_and_go_with_the_last(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	Samoza__V1__AssetFile file = SAMOZA__V1__ASSET_FILE__INIT;
	Samoza__V1__AssetFile *files[] = {&file};
	struct stat st;
	(void)recipe_ends(s, &i, ACTION_DEPLOY);
	CLEANUP(freep) char *package = make_directories(s, resident_of(s, &i));
	CLEANUP(freep) char *hidden = str_printf("%s/.samoza", package);
	CLEANUP(freep) char *path = str_printf("%s/config/app.conf", hidden);
	struct fake_zrun *z = start(s, &i);
	assert_int_equal(stat(hidden, &st), -1);
	update(s, &i, z);
	assert_int_equal(stat(hidden, &st), -1);
	file.name = (char *)"app.conf";
	file.digest = digest_of("asset");
	i.spec.config = files;
	i.spec.n_config = 1;
	update(s, &i, z);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, strlen("asset"));
	i.spec.n_config = 0;
	update(s, &i, z);
	assert_int_equal(stat(hidden, &st), -1);
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
	assert_null(resident_of(s, &i));
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
	assert_int_equal(resident_of(s, &i)->state, RESIDENT_DEPLOYED);
	(void)recipe_ends(s, &i, ACTION_UNDEPLOY);
	assert_null(resident_of(s, &i));
}

/* Else the space would be taken for gone, and started a second time beside its process. */
static void a_zhost_that_could_not_look_for_a_process_does_not_start(void **state)
{
	struct stage *s = *state;
	struct instance i = native();
	Samoza__V1__DesiredInstance desired = SAMOZA__V1__DESIRED_INSTANCE__INIT;
	desired.key = &i.key;
	desired.spec = &i.spec;
	set_descriptors(0);
	residents_load(s->residents, &desired, SAMOZA__V1__PHASE__PHASE_STARTED);
	set_descriptors(-1);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(residents_await_hello(s->residents, &err), ERR_IO);
	assert_non_null(strstr(err->message, "cannot look for what an earlier zhost left"));
	assert_non_null(strstr(err->message, "Too many open files"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kinds_begin, kinds_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_native_deploy_is_a_process_with_the_list_of_files),
		TEST(a_native_deploy_that_fails_leaves_nothing),
		TEST(a_native_deploy_can_be_killed_while_it_fetches_and_while_it_runs),
		TEST(a_native_deploy_that_was_stopped_was_interrupted),
		TEST(a_native_start_has_probes_imports_and_its_ancestors),
		TEST(a_native_process_reports_its_health),
		TEST(a_native_update_that_takes_too_long_is_ended_alone),
		TEST(a_native_update_whose_template_does_not_arrive_has_not_reached_its_process),
		TEST(an_update_whose_connection_was_lost_has_not_reached_its_process),
		TEST(a_value_that_cannot_be_filled_in_does_not_hold_up_imports),
		TEST(a_native_undeploy_sees_nothing_of_the_update_before),
		TEST(files_of_config_are_made_where_there_are_some_and_go_with_the_last),
		TEST(a_native_instance_is_stopped_and_removed_by_processes),
		TEST(a_native_undeploy_that_fails_can_be_repeated),
		TEST(a_zhost_that_could_not_look_for_a_process_does_not_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* zrms/drivers.h: what becomes of a machine when its driver fails in each way that it can. The driver is a
 * text for a shell; zrms is whole but for its store. */
#include "api_stage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapter/pki/credentials.h"
#include "zrms/drivers.h"
#include "zrms/own_identity.h"

static char place[64], *program, *setting;

static int begin_driven(void **state)
{
	(void)snprintf(place, sizeof(place), "/tmp/samoza-driver-XXXXXX");
	assert_non_null(mkdtemp(place));
	program = str_printf("%s/driver", place);
	setting = str_printf("d=%s", program);
	FILE *file = fopen(program, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(program, 0700), 0);
	stage_drivers = setting;
	int r = begin(state);
	stage_drivers = NULL;
	struct stage *s = *state;
	/* As after zrms init. */
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	Samoza__V1__ClusterFile *cluster = mem_new(Samoza__V1__ClusterFile);
	samoza__v1__cluster_file__init(cluster);
	cluster->id = mem_strdup("lab");
	cluster->name = mem_strdup("lab");
	cluster->listen = mem_strdup("127.0.0.1:7331");
	cluster->advertise = mem_new_array(char *, 1);
	cluster->advertise[cluster->n_advertise++] = mem_strdup("zrms.example");
	s->zrms.cluster = cluster;
	s->zrms.settings.listen.port = 7331;
	assert_int_equal(own_authority_make(s->directory, "lab", NULL,
					    loop_now(&s->zrms.loop).wall_ms, &authority, NULL),
			 0);
	return r;
}

static int end_driven(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *command = str_printf("rm -rf %s", place);
	samoza__v1__cluster_file__free_unpacked(s->zrms.cluster, NULL);
	int r = end(state);
	free(program);
	free(setting);
	return system(command) | r;
}

static void driver_is(const char *text)
{
	FILE *file = fopen(program, "w");
	assert_non_null(file);
	(void)fprintf(file, "#!/bin/sh\nread -r line\n%s\n", text);
	assert_int_equal(fclose(file), 0);
}

static char *seen_step, *seen_error;

static bool look(struct stage *s)
{
	Samoza__V1__ZhostView *view = NULL;
	assert_int_equal(control_view_zhost(s->zrms.control, "m1", &view, NULL), 0);
	free(seen_step);
	free(seen_error);
	seen_step = mem_strdup(view->made->step);
	seen_error = mem_strdup(view->made->error);
	schema_message_free(view);
	return !str_equal(seen_step, "creating");
}

/* Asks for a machine; until its driver has answered. */
static void create(struct stage *s, const char *text)
{
	driver_is(text);
	ask(s, "POST /v1/zhosts", "Content-Type: application/json\r\n",
	    "{\"name\":\"m1\",\"driver\":\"d\"}");
	run_until(s, is_complete);
	assert_int_equal(status(s), 202);
	run_until(s, look);
}

/* The driver is this text. */
static void expect_failure(struct stage *s, const char *text, const char *why)
{
	create(s, text);
	assert_string_equal(seen_step, "failed");
	assert_string_equal(seen_error, why);
}

static void one_that_is_ready_is_awaited(void **state)
{
	create(*state, "echo '{\"state\":\"ready\"}'");
	assert_string_equal(seen_step, "awaited");
	assert_null(seen_error);
}

static void a_note_of_it_is_an_event(void **state)
{
	struct stage *s = *state;
	create(s, "echo '{\"state\":\"ready\",\"note\":\"one\\\\ttwo\"}'");
	assert_string_equal(seen_step, "awaited");
	assert_int_equal(get(s, "GET /v1/events?stream=0"), 200);
	assert_non_null(strstr(body(s), "the driver says: one two"));
}

static void an_answer_may_say_for_which_machine_it_is(void **state)
{
	create(*state, "key=${line#*\\\"key\\\":\\\"}; echo "
		       "'{\"state\":\"ready\",\"key\":\"'${key%%\\\"*}'\"}'");
	assert_string_equal(seen_step, "awaited");
}

static void an_answer_for_another_machine_is_a_failure(void **state)
{
	expect_failure(*state, "echo '{\"key\":\"lab-77\",\"state\":\"ready\"}'",
		       "create: it answers for another machine, lab-77");
}

static void one_that_hangs_has_failed(void **state)
{
	expect_failure(*state, "sleep 1000", "create: no answer in 1 s");
}

static void an_answer_that_comes_too_late_is_none(void **state)
{
	expect_failure(*state, "echo '{\"error\":\"half\"}'; sleep 1000", "create: half");
}

static void half_a_line_is_no_answer(void **state)
{
	expect_failure(*state, "printf '{\"state\":\"rea'; echo 'cut off' >&2",
		       "create: its answer is no line of JSON: cut off");
}

static void a_megabyte_is_no_answer(void **state)
{
	expect_failure(*state,
		       "printf '{\"state\":\"ready\",\"more\":\"'; head -c 2000000 /dev/zero | "
		       "tr '\\0' a; echo '\"}'",
		       "create: its answer is longer than 1 MiB");
}

static void what_is_quoted_of_a_megabyte_is_short_and_can_be_shown(void **state)
{
	create(*state, "head -c 2000000 /dev/zero | tr '\\0' '\\033' >&2; exit 7");
	assert_string_equal(seen_step, "failed");
	assert_true(str_has_prefix(seen_error, "create: exit status 7: "));
	assert_true(strlen(seen_error) < 500);
	assert_null(strchr(seen_error, '\033'));
}

static void a_signal_is_said(void **state)
{
	expect_failure(*state, "kill -TERM $$", "create: killed by signal 15");
}

static void a_state_that_is_none_is_a_failure(void **state)
{
	expect_failure(*state, "echo '{\"state\":\"fine\"}'",
		       "create: its answer has no state: expected ready, changing or absent");
}

static void a_program_that_is_gone_is_a_failure(void **state)
{
	struct stage *s = *state;
	driver_is("");
	assert_int_equal(remove(program), 0);
	ask(s, "POST /v1/zhosts", "Content-Type: application/json\r\n",
	    "{\"name\":\"m1\",\"driver\":\"d\"}");
	run_until(s, is_complete);
	run_until(s, look);
	assert_string_equal(seen_error, "create: exit status 127");
}

static void a_setting_that_names_no_program_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} all[] = {
		{"=/bin/true",
		 "machines.drivers: '=/bin/true' names no driver: expected NAME or "
		 "NAME=PATH, the name with a-z, 0-9 and -"},
		{"A=/bin/true",
		 "machines.drivers: 'A=/bin/true' names no driver: expected NAME or "
		 "NAME=PATH, the name with a-z, 0-9 and -"},
		{"a=true",
		 "machines.drivers: true is no program that can be run: driver a needs "
		 "the whole path of one"},
		{"a=/nonexistent",
		 "machines.drivers: /nonexistent is no program that can be run: "
		 "driver a needs the whole path of one"},
	};
	struct zrms zrms = {0};
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		CLEANUP(error_freep) struct error *err = NULL;
		struct drivers *drivers = NULL;
		assert_int_equal(drivers_new(&zrms, all[k].text, 1000, &drivers, &err),
				 ERR_INVALID);
		assert_string_equal(err->message, all[k].why);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_driven, end_driven)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_ready_is_awaited),
		TEST(a_note_of_it_is_an_event),
		TEST(an_answer_may_say_for_which_machine_it_is),
		TEST(an_answer_for_another_machine_is_a_failure),
		TEST(one_that_hangs_has_failed),
		TEST(an_answer_that_comes_too_late_is_none),
		TEST(half_a_line_is_no_answer),
		TEST(a_megabyte_is_no_answer),
		TEST(what_is_quoted_of_a_megabyte_is_short_and_can_be_shown),
		TEST(a_signal_is_said),
		TEST(a_state_that_is_none_is_a_failure),
		TEST(a_program_that_is_gone_is_a_failure),
		cmocka_unit_test(a_setting_that_names_no_program_is_refused),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	free(seen_step);
	free(seen_error);
	return r;
}

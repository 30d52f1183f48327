/* zrms/state_open.h: when a directory that was restored becomes an ordinary one. */
#include "api_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include "zrms/restore.h"
#include "zrms/state_open.h"

/* As after a restore; nothing is durable yet. */
static int begin_restored(void **state)
{
	int r = begin(state);
	struct stage *s = *state;
	CLEANUP(freep) char *mark = str_printf("%s/restored", s->directory);
	CLEANUP(closep) int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	s->zrms.settings.dir = s->directory;
	s->holds = true;
	return r;
}

static void put_user(struct stage *s)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	uint8_t hash[TOKEN_HASH_SIZE] = {1};
	record.name = (char *)(uintptr_t) "eve";
	record.role = ACCESS_ADMIN;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	const struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.actor = "test",
		.credential = {.action = CREDENTIAL_CREATE, .record = &record}};
	commit_driver_input(s->zrms.commits, &input);
}

static void a_restored_directory_keeps_its_mark_until_the_first_commit_is_durable(void **state)
{
	struct stage *s = *state;
	put_user(s);
	state_opened(&s->zrms);
	assert_true(restore_is_fresh(s->directory));
	while (sim_store_waiting(s->zrms.store) == 0)
		(void)uv_run(loop_uv(&s->zrms.loop), UV_RUN_NOWAIT);
	assert_true(
		restore_is_fresh(s->directory)); /* a kill now: the numbers are skipped again */
	answer_all(s);
	assert_false(restore_is_fresh(s->directory));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_restored_directory_keeps_its_mark_until_the_first_commit_is_durable,
			begin_restored, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

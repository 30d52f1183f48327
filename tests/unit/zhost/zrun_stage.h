/*
 * One process of an instance as zhost sees it, for tests: the stage is the process host and records what
 * the listener is called for; the test plays the zrun (fake_zrun.h).
 */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_ZRUN_STAGE_H
#define SAMOZA_TESTS_UNIT_ZHOST_ZRUN_STAGE_H

#include "test.h"

#include "fake_zrun.h"
#include "zhost/process/zrun_process.h"

#define FILE_NAME "0123456789abcdef0123456789abcdef"

struct stage {
	struct loop loop;
	char directory[64];
	int run_fd;
	struct fake_host host;
	struct zrun_processes *processes;
	struct zrun_identity identity;
	struct zrun_process *process; /* NULL: none, or it has ended */
	char *log;		      /* what the listener was called for, one word each */
	int emit_result;
	struct loop_task
		on_emit; /* with a function: deferred by the listener, as a link does that takes a message */
	bool refuses_data;
	bool is_ended, is_connected, is_rejected;
	struct exit_report report; /* the error is owned */
};

int zrun_stage_begin(void **state);
int zrun_stage_end(void **state);
/* Its user is the stage. */
extern const struct zrun_process_listener zrun_stage_listener;

#define assert_log(s, expected)                          \
	do {                                             \
		assert_string_equal((s)->log, expected); \
		(s)->log[0] = '\0';                      \
	} while (0)

/* Of the instance, in the directory; `suffix`: "s", "e". */
bool file_exists(const struct stage *s, const char *suffix);

/* Launches the process of the instance; it is silent. */
struct fake_zrun *start_with_lease(struct stage *s, uint64_t stop_at_ms, uint64_t end_at_ms);
/* Launched, and its HELLO and STARTED were taken. */
struct fake_zrun *start(struct stage *s);
/* The process has ended like this. */
void assert_report(struct stage *s, bool is_known, bool is_finished, bool is_asked,
		   const char *error);
/* The next frame of zhost, after a run of the loop; 0: there is none. */
uint16_t receive(struct stage *s, struct fake_zrun *z, void *body, size_t room,
		 size_t *ret_size);
/* For loop_run_until(). */
bool is_connected_again(void *user);
/* Waits for the end of a child. */
void assert_killed(pid_t child);

#endif

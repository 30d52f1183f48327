/*
 * Plays zhost for one real zrun at a time: translates a guest, launches it through the
 * zygote (or by exec), answers its frames and records what it sent.
 *
 *   struct play p;
 *   play_start(&p, &(struct part){.guest = GUEST_ABI, .test_case = "echo"});
 *   play_until(&p, ZRUN_STARTED);
 *   ...
 *   play_end(&p);
 */
#ifndef SAMOZA_TESTS_ZRUN_HARNESS_H
#define SAMOZA_TESTS_ZRUN_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zrun/launch/launch.h"
#include "zrun/protocol/protocol.h"

#define PLAY_DEADLINE_MS 20000 /* nothing in these tests takes that long */

/* What is special about an instance; zero means the default. */
struct part {
	const char *guest;     /* path of a .wasm, or of a ready .so */
	const char *test_case; /* given to the guest as the import "test.case" */
	uint32_t capabilities; /* 0: all; NO_CAPABILITIES: none */
	uint64_t memory_bytes;
	uint32_t cpu_millicores, cpu_limit_millicores;
	uint32_t watchdog_ms, init_ms, orphan_ms, grace_ms;
	uint64_t stop_at_ms, end_at_ms;
	bool without_zygote;
	bool without_connection; /* the test connects by itself */
};
#define NO_CAPABILITIES	 0x80000000u
#define ALL_CAPABILITIES 0x1fu

struct play {
	struct launcher *launcher; /* borrowed */
	pid_t pid;
	int pidfd;
	int status; /* wait status, once ended; -2 before */
	int fd;	    /* connection, -1 */
	int status_fd;
	uint8_t in[ZRUN_BODY_MAX + 4096];
	size_t in_size;

	/* the last frame of each type, and how many came */
	unsigned count[64];
	struct zrun_hello hello;
	struct zrun_updated updated;
	struct zrun_stopped stopped;
	struct zrun_failed failed;
	char failed_text[1024];
	char log[64 * 1024]; /* all lines, "LEVEL text\n" */
	size_t log_size;
	char last_note[256]; /* of zrun itself, not of the guest */
	int last_note_level;
	uint32_t credit_messages;
	uint32_t credit_bytes;

	/* answers: emits are kept and get emit_status */
	int32_t emit_status;
	bool emit_silent; /* no answer at all */
	char emit_address[ZRUN_ADDRESS_MAX + 1];
	uint8_t emit_payload[ZRUN_PAYLOAD_MAX];
	size_t emit_size;
	bool data_silent;
};

/* Directory, translator, launchers; for cmocka's group setup. */
int play_setup(void **state);
int play_teardown(void **state);

void play_start(struct play *p, const struct part *part);
/* Takes frames until one of this type has come (since the call) or the deadline: fails then,
 * or when the instance ends first. Frame type 0: until the process has ended. */
void play_until(struct play *p, int type);
/* Takes frames for as long as some come within this time. */
void play_quiet(struct play *p, int ms);
void play_connect(struct play *p);
void play_disconnect(struct play *p);
void play_send(struct play *p, enum zrun_frame_type type, const void *a, size_t a_size,
	       const void *b, size_t b_size, const void *c, size_t c_size);
void play_message(struct play *p, const char *from, const void *payload, size_t size);
void play_stop(struct play *p, uint32_t grace_ms);
void play_update(struct play *p, const char *name, const char *value);
/* Kills what still runs, checks that nothing is left. */
void play_end(struct play *p);
bool play_logged(const struct play *p, const char *text);
/* Reads what the status file holds: the type of the last frame, 0 when empty. */
int play_status_file(const struct play *p);
/* The path of a translated guest (cached; freed by the teardown). */
const char *play_translate(const char *wasm);
struct launcher *play_launcher(bool without_zygote);
int play_directory_fd(void);

#endif

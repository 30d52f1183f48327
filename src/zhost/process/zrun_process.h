/*
 * The process of one instance: zrun, its socket, its end (src/zrun/protocol/protocol.h).
 *
 *   process_start()   listen, launch, connect ─► HELLO ─► STARTED
 *   process_find()    after a restart of zhost: connect ─► HELLO
 *                          │
 *                          ▼
 *           resident_started / resident_updated / resident_ended
 *
 * Frames to zrun are appended to a buffer and written once per turn of the loop, whole runs
 * at a time; what zrun may be sent is bounded by the protocol's window. The process is over
 * when its pidfd says so and its last words have been read.
 */
#ifndef SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_H
#define SAMOZA_ZHOST_PROCESS_ZRUN_PROCESS_H

#include "base/error.h"
#include "zhost/space/resident.h"

struct zrun_process;

/* Asks for the process of r (r->process is set). What fails later comes by resident_ended. */
int process_start(struct resident *r, struct error **err) must_check;
/* What a process has left behind. */
struct exit_report {
	bool is_known;
	bool is_finished; /* ended by itself, and well */
	bool is_asked;	  /* somebody asked it to stop, or nobody looked after it any more: no
			   * failure of its own */
	char *error;	  /* "" for well; the caller frees */
};

/* Takes over the process that an earlier zhost left, if it lives: true, r->process is set;
 * false: it is gone, and *ret_last tells how. */
bool process_find(struct resident *r, struct exit_report *ret_last);
/* After process_find() of many, before the loop runs: waits until all have said HELLO, at most
 * wait_ms; who says a wrong one is ended (r->process is NULL then). One that says nothing,
 * because its guest computes, is believed: it was found under its name, and is a zrun. */
void processes_greet(struct zhost *z, int64_t wait_ms);

void process_stop(struct zrun_process *p, int64_t grace_ms);
void process_update(struct zrun_process *p, const import_vector *imports);
/* resident.deadline_ms has a new value. */
void process_renew(struct zrun_process *p);
/* NATIVE: ends the recipe that runs, not the instance. */
void process_cancel(struct zrun_process *p);
void process_kill(struct zrun_process *p);
int64_t process_pid(const struct zrun_process *p); /* -1 while not known */

/* mesh.c: 0, or -EAGAIN when it has no room. `from` is "path#sender". */
int process_deliver(struct zrun_process *p, const char *name, const char *sender,
		    const char *sender_suffix, size_t sender_suffix_size, const void *payload,
		    size_t size);
/* data_service.c: an answer. */
void process_data_result(struct zrun_process *p, uint32_t correlation, int32_t status,
			 const void *content, size_t size);

/* The program ends: lets go of everything, the processes go on. */
void process_release(struct zrun_process *p);

/* Writes what waits for the zruns; a hook of the loop. */
bool processes_flush(void *user);
/* Files of an instance in run/ that are of no use any more. */
void process_forget_files(const struct resident *r);

#endif

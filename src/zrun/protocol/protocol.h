/*
 * Wire protocol between zhost and zrun: frames over a Unix stream socket.
 *
 * The listening socket is made by zhost, handed to zrun at its start (launch.h) and lies in
 * a private directory of zhost's under the instance's name. zrun accept()s one zhost at a time:
 * the next one when the connection before is gone. So a zhost that was restarted finds the
 * instance again: it connects and reads the HELLO. Nothing here needs more than libc, both
 * sides are on one machine, and integers are in its byte order.
 *
 *   frame:  0        4       6       8             12
 *           | size   | type  | flags | correlation | body, `size` bytes
 *           | u32    | u16   | u16   | u32         |
 *
 * `size` is at most ZRUN_BODY_MAX. `flags` is 0 but in HELLO (ZRUN_FLAG_EXEC, ZRUN_FLAG_SECRETS). `correlation` is chosen by zrun
 * for EMIT and DATA_* (never 0) and repeated in the answer; 0 in every other frame. A body is
 * one of the packed structs below, followed by the strings it names, in the order named,
 * without padding and without NUL bytes.
 *
 *   zhost                                             zrun
 *     | spawn (zygote, launch.h), connect()             |
 *     |<------------------------------------------ HELLO|  identity, phase, queue, sandbox
 *     |<--------------------------------- LOG, EMIT, ...|  on_init runs
 *     |<---------------------------------------- STARTED|  on_init returned 0
 *     |MESSAGE ---------------------------------------->|  at most `window` unconsumed
 *     |<----------------------------------------- CREDIT|  the guest has taken some
 *     |<------------------------------------------- EMIT|  zrun waits for the
 *     |EMIT_RESULT ------------------------------------>|  result, at most 5 s
 *     |UPDATE ----------------------------------------->|  imports changed
 *     |<---------------------------------------- UPDATED|  on_update returned
 *     |SECRET, SECRET, UPDATE ------------------------->|  values that the update names
 *     |STOP ------------------------------------------->|
 *     |<---------------------------------------- STOPPED|  on_close is done, zrun exits 0
 *
 * The last frame of an instance is STOPPED or FAILED. It is also written to the status file
 * (launch.h), for a zhost that was away at that moment. A process that ends without either
 * was killed, or died of a fault of the host's: see its wait status. The status file of a NATIVE
 * instance begins with KEEPER: the end of zrun is not the end of what it ran, which may take
 * longer to die.
 *
 * EXEC runs a command beside what a started NATIVE instance runs. Its standard input, output and
 * errors are three descriptors that come with the frame (SCM_RIGHTS); what goes through them is no
 * business of zrun's. All commands end with the connection that they came over.
 *
 *     |EXEC session, command -------------------------->|
 *     |<------------- EXEC_STARTED, or EXEC_REFUSED text|
 *     |EXEC_SIGNAL session, signal -------------------->|
 *     |<----------------------------- EXEC_ENDED session|  and nothing that it left lives
 *
 * Order and batching: zrun takes many frames with one read and answers in order; zhost
 * should do the same and write runs of frames at once. While zrun waits for an answer it
 * continues taking frames, so zhost may write whenever it has credit without a deadlock.
 */
#ifndef SAMOZA_ZRUN_PROTOCOL_PROTOCOL_H
#define SAMOZA_ZRUN_PROTOCOL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ZRUN_PROTOCOL_VERSION 1

#define ZRUN_PAYLOAD_MAX      (64 * 1024) /* a message; a value of data.* */
#define ZRUN_ADDRESS_MAX      512	  /* "path" or "path#sender" */
#define ZRUN_KEY_MAX	      1024	  /* a key of data.* */
#define ZRUN_BODY_MAX	      (256 * 1024)
#define ZRUN_LOG_MAX	      4096 /* bytes of one log line; longer ones are cut */

/* How much zhost may send before the guest has taken it. A MESSAGE costs its whole frame
 * (zrun_message_cost). A zhost that passes the window is disconnected. */
#define ZRUN_WINDOW_MESSAGES 256
#define ZRUN_CREDIT_MESSAGES (ZRUN_WINDOW_MESSAGES / 4) /* so many are said at a time */
#define ZRUN_WINDOW_BYTES    (1024 * 1024)

#define ZRUN_DATA_WAIT_MS    5000 /* data.* and emit_to: then -EAGAIN */

struct zrun_frame {
	uint32_t size; /* of the body */
	uint16_t type; /* enum zrun_frame_type */
	uint16_t flags;
	uint32_t correlation;
} __attribute__((packed));

enum zrun_frame_type {
	/* zhost to zrun */
	ZRUN_STOP = 1,	      /* struct zrun_stop */
	ZRUN_MESSAGE = 2,     /* struct zrun_message, from, payload */
	ZRUN_EMIT_RESULT = 3, /* struct zrun_result */
	ZRUN_DATA_RESULT = 4, /* struct zrun_result, content */
	ZRUN_UPDATE = 5, /* struct zrun_update, then each struct zrun_import, name, value */
	ZRUN_RENEW = 6,	 /* struct zrun_renew */
	ZRUN_CANCEL = 7, /* no body; NATIVE: ends the recipe `update`, which has failed then */
	/* struct zrun_exec, words of the command each with its NUL, TERM; with ZRUN_EXEC_FDS
	 * descriptors. Only to a zrun whose HELLO has ZRUN_FLAG_EXEC. */
	ZRUN_EXEC = 8,
	ZRUN_EXEC_SIGNAL = 9, /* struct zrun_exec_signal */
	/* struct zrun_secret, key, value; for the UPDATE that follows. Only to a zrun whose HELLO has ZRUN_FLAG_SECRETS. */
	ZRUN_SECRET = 10,

	/* zrun to zhost */
	ZRUN_HELLO =
		32, /* struct zrun_hello, topology, instance; first frame of a connection */
	ZRUN_STARTED = 33,     /* no body */
	ZRUN_LOG = 34,	       /* struct zrun_log, text */
	ZRUN_CREDIT = 35,      /* struct zrun_credit */
	ZRUN_UPDATED = 36,     /* struct zrun_updated, text */
	ZRUN_EMIT = 37,	       /* struct zrun_emit, address, payload */
	ZRUN_DATA_GET = 38,    /* struct zrun_data, key */
	ZRUN_DATA_PUT = 39,    /* struct zrun_data, key, value */
	ZRUN_DATA_DELETE = 40, /* struct zrun_data, key */
	ZRUN_DATA_LIST = 41,   /* struct zrun_data_list, prefix, after */
	ZRUN_STOPPED = 42,     /* struct zrun_stopped */
	ZRUN_FAILED = 43,      /* struct zrun_failed, text */
	ZRUN_HEALTH = 44,      /* struct zrun_health */

	/* zrun to its status file only, before anything else */
	ZRUN_KEEPER = 45, /* struct zrun_keeper */

	/* zrun to zhost */
	ZRUN_EXEC_STARTED = 46, /* struct zrun_exec_report */
	ZRUN_EXEC_REFUSED = 47, /* struct zrun_exec_report, text */
	ZRUN_EXEC_ENDED = 48,	/* struct zrun_exec_report */
};

/* Capabilities that guard calls, as bits of the spawn request. Names as in space.yaml. */
enum zrun_capability {
	ZRUN_CAP_SYS_LOG = 1 << 0,    /* sys.log */
	ZRUN_CAP_NET_EMIT = 1 << 1,   /* net.emit */
	ZRUN_CAP_NET_RECV = 1 << 2,   /* net.recv */
	ZRUN_CAP_DATA_READ = 1 << 3,  /* data.read */
	ZRUN_CAP_DATA_WRITE = 1 << 4, /* data.write */
};

/* The bit of a capability's name, 0 if it guards no call of this version. */
uint32_t zrun_capability_bit(const char *name);

/* ---- zhost to zrun ---------------------------------------------------------------- */

/* Ends the instance: recv_next gives -ESHUTDOWN, sleep returns, no further on_process,
 * then on_close, then STOPPED. What is not done after grace_ms ends with FAILED
 * (ZRUN_FAILED_GRACE) and the process is gone. A second STOP can only shorten. */
struct zrun_stop {
	uint32_t grace_ms;
} __attribute__((packed));

/* `from` is "path#sender". Empty payloads do not exist. */
struct zrun_message {
	uint16_t from_size;
} __attribute__((packed));

/* status: 0 or more on success, -errno of Linux otherwise (emit: -ENOENT, -EAGAIN,
 * -EHOSTUNREACH; data: -ENOENT, -EAGAIN, -ESTALE, ...). Content: GET the value;
 * LIST a run of { u16 size, key }, whole keys only, nothing when there are no more. */
struct zrun_result {
	int32_t status;
} __attribute__((packed));

/* Names are "provider.variable"; for a NATIVE instance as environment.h says.
 * The whole set of values, not a difference: import_get sees it at once; on_update is called
 * between two calls of on_process if the set differs from the one before. Every UPDATE is
 * answered by one UPDATED, in order (at once where there is nothing to call). */
struct zrun_update {
	uint32_t count;
} __attribute__((packed));
struct zrun_import {
	uint16_t name_size; /* "provider.variable" */
	uint32_t value_size;
} __attribute__((packed));

/* A value that is in no set of imports: these name it by its key, "NAME VERSION" (zhost/space/settings.h). With the UPDATE that comes
 * next, those that it names are what the instance has; those of before go. */
#define ZRUN_SECRETS_MAX    16		/* in one instance */
#define ZRUN_SECRET_MAX	    (32 * 1024) /* bytes of a value */
#define ZRUN_SECRET_KEY_MAX 96
struct zrun_secret {
	uint16_t key_size;
	uint32_t value_size;
} __attribute__((packed));

/* For instances with a lease; zeros: it has none any longer. Absolute times in milliseconds of CLOCK_BOOTTIME, which also
 * counts while the machine sleeps. From stop_at_ms on the instance stops by itself with
 * the time until end_at_ms as its grace; at end_at_ms its process is gone. */
struct zrun_renew {
	uint64_t stop_at_ms;
	uint64_t end_at_ms;
} __attribute__((packed));

#define ZRUN_FLAG_EXEC	  1   /* in HELLO: it takes EXEC */
#define ZRUN_FLAG_SECRETS 2   /* the same, of SECRET */
#define ZRUN_EXEC_FDS	  3   /* standard input, output, errors; all the same of a terminal */
#define ZRUN_TERM_MAX	  255 /* bytes of TERM */
#define ZRUN_EXEC_MAX	  8   /* commands at the same time in one instance */

struct zrun_exec {
	uint32_t session; /* chosen by zhost, repeated in what is said about it */
	uint32_t words_size, words_count;
	uint16_t term_size;
	uint8_t is_terminal; /* it becomes the controlling terminal */
} __attribute__((packed));

/* To the process group of the command; 0: it is ended with all that it has started. */
struct zrun_exec_signal {
	uint32_t session;
	int32_t signal;
} __attribute__((packed));

/* status: of STARTED 0, of REFUSED the exit status that a shell would give it (126, 127) or 0 where it
 * was not even tried, of ENDED as of waitpid(). */
struct zrun_exec_report {
	uint32_t session;
	int32_t status;
} __attribute__((packed));

/* ---- zrun to zhost ---------------------------------------------------------------- */

enum zrun_phase {
	ZRUN_PHASE_STARTING = 0, /* load, instantiate, on_init */
	ZRUN_PHASE_STARTED = 1,
	ZRUN_PHASE_STOPPING = 2,
};

/* What stands of the sandbox; a missing bit has its reason in a LOG frame. */
enum zrun_sandbox {
	ZRUN_SANDBOX_SESSION = 1 << 0, /* no controlling terminal */
	ZRUN_SANDBOX_NO_NEW_PRIVS = 1 << 1,
	ZRUN_SANDBOX_LIMITS = 1 << 2,
	ZRUN_SANDBOX_USER = 1 << 3,	    /* own user namespace */
	ZRUN_SANDBOX_NETWORK = 1 << 4,	    /* empty network namespace */
	ZRUN_SANDBOX_MOUNT = 1 << 5,	    /* own mount namespace */
	ZRUN_SANDBOX_UNPRIVILEGED = 1 << 6, /* neither root nor any capability */
	ZRUN_SANDBOX_LANDLOCK = 1 << 7,
	ZRUN_SANDBOX_SECCOMP = 1 << 8,
};

struct zrun_hello {
	uint32_t version;	  /* ZRUN_PROTOCOL_VERSION */
	uint32_t pid;		  /* information only: adopt by launch_adopt() */
	uint64_t epoch;		  /* of the placement */
	uint64_t started_wall_ms; /* when the process began */
	uint32_t sandbox;	  /* enum zrun_sandbox bits */
	uint8_t phase;		  /* enum zrun_phase */
	uint8_t update_pending;	  /* UPDATED frames not sent yet */
	uint16_t queued_messages; /* of the window, taken by earlier connections */
	uint32_t queued_bytes;
	uint16_t topology_size; /* topology id */
	uint16_t instance_size; /* instance path, "api-2/cache" */
} __attribute__((packed));

enum zrun_log_source {
	ZRUN_LOG_GUEST = 0, /* sys.log; standard output and error of WASI programs */
	ZRUN_LOG_HOST = 1,  /* zrun's own words: a denied call, a missing sandbox step */
};
enum zrun_log_level {
	ZRUN_LEVEL_DEBUG = 0,
	ZRUN_LEVEL_INFO = 1,
	ZRUN_LEVEL_WARN = 2,
	ZRUN_LEVEL_ERROR = 3,
};
/* One line, without its line feed and without control characters; UTF-8 is not checked.
 * Lines of a time without zhost are kept in a bounded ring and delivered after HELLO. */
struct zrun_log {
	uint64_t wall_ms;
	uint8_t level;
	uint8_t source;
} __attribute__((packed));

/* Since the last CREDIT (or HELLO) of this connection the guest took this much. */
struct zrun_credit {
	uint32_t messages;
	uint32_t bytes;
} __attribute__((packed));

#define ZRUN_UPDATED_UNTAKEN \
	(-2) /* NATIVE: files of secrets could not be written, so it has those of before */
/* Of a NATIVE instance text follows: why the recipe failed; empty when it did not. */
struct zrun_updated {
	int32_t result; /* of on_update; 0 where it was not called; ZRUN_UPDATED_UNTAKEN */
} __attribute__((packed));

/* The health check of a NATIVE instance fails, or succeeds again; also after a HELLO while it
 * fails. Without one the instance is healthy. */
struct zrun_health {
	uint8_t is_healthy;
} __attribute__((packed));

/* address: "path", or "path#sender" to answer exactly that sender. zhost answers with
 * EMIT_RESULT: 0 when a present receiver has room and the message is on its way. */
struct zrun_emit {
	uint16_t address_size;
} __attribute__((packed));

/* Answered by DATA_RESULT. A PUT is answered once it is durable. */
struct zrun_data {
	uint16_t key_size;
} __attribute__((packed));

/* Keys with the prefix in the order of their bytes, the first one greater than `after`
 * (when after_size > 0), then `skip` more left out; as many as fit into max_bytes of
 * content. -EMSGSIZE when not even one fits. */
struct zrun_data_list {
	uint16_t prefix_size;
	uint16_t after_size;
	uint32_t skip;
	uint32_t max_bytes;
} __attribute__((packed));

enum zrun_stopped_cause {
	ZRUN_STOPPED_ASKED = 0,	      /* STOP */
	ZRUN_STOPPED_FINISHED = 1,    /* on_process not 0, _start returned, proc_exit(0) */
	ZRUN_STOPPED_ORPHAN = 2,      /* no zhost for too long */
	ZRUN_STOPPED_NOT_RENEWED = 3, /* exclusive, stop_at_ms passed */
};
struct zrun_stopped {
	uint8_t cause;
	int32_t result; /* of on_process, for FINISHED */
} __attribute__((packed));

/* Device nodes of a NATIVE instance, and groups, are no more than so many each. */
#define ZRUN_NATIVE_DEVICES_MAX 1024

enum zrun_failed_kind {
	ZRUN_FAILED_LOAD = 1,	      /* module missing, damaged, of another version */
	ZRUN_FAILED_SANDBOX = 2,      /* a step failed that must not */
	ZRUN_FAILED_INIT = 3,	      /* on_init not 0: code */
	ZRUN_FAILED_TRAP = 4,	      /* text names it and where */
	ZRUN_FAILED_WATCHDOG = 5,     /* looped without calling the host */
	ZRUN_FAILED_DEADLINE = 6,     /* start function, _initialize, on_init: 5 s */
	ZRUN_FAILED_GRACE = 7,	      /* on_close or on_process did not end in time */
	ZRUN_FAILED_MEMORY = 8,	      /* initial memory or tables do not fit resources.memory */
	ZRUN_FAILED_EXIT = 9,	      /* WASI proc_exit(code), code not 0 */
	ZRUN_FAILED_NOT_RENEWED = 10, /* exclusive, end_at_ms passed while stopping */
	ZRUN_FAILED_RECIPE = 11,      /* NATIVE: a recipe failed, or its process ended */
	ZRUN_FAILED_HEALTH = 12,      /* NATIVE: the health check failed too often */
	ZRUN_FAILED_ENDED = 13,	      /* NATIVE: its program ended with exit status 0 */
};
/* text: one sentence for a person, e.g. "trap: out of bounds memory access in on_process";
 * without the name of the action that failed, which zhost knows. */
struct zrun_failed {
	uint8_t kind;
	int32_t code;
} __attribute__((packed));

/* NATIVE: the process below which all others of the instance are (native/keeper.h). */
struct zrun_keeper {
	uint32_t pid;
	uint64_t start; /* process_identity.h */
	/* It is number 1 of a namespace of processes: its end is the end of all. Otherwise it ends
	 * them one by one when zrun is gone, and itself when none is left. */
	uint8_t is_first;
} __attribute__((packed));

/* Exit status of the process: 0 after STOPPED, ZRUN_EXIT_FAILED + kind after FAILED (also
 * when the frame could not be delivered). */
#define ZRUN_EXIT_FAILED 64

static inline uint32_t zrun_message_cost(size_t from_size, size_t payload_size)
{
	return (uint32_t)(sizeof(struct zrun_frame) + sizeof(struct zrun_message) + from_size +
			  payload_size);
}

/* Looks at the head of `data`. 0: not a whole frame yet (*ret_need: bytes that it will have,
 * at least the header's size); 1: a whole frame, header copied, body in *ret_body; -1: the
 * size is over ZRUN_BODY_MAX, drop the connection. */
static inline int zrun_frame_parse(const void *data, size_t size, struct zrun_frame *ret_frame,
				   const uint8_t **ret_body, size_t *ret_need)
{
	struct zrun_frame frame;

	*ret_need = sizeof(frame);
	if (size < sizeof(frame))
		return 0;
	memcpy(&frame, data, sizeof(frame));
	if (frame.size > ZRUN_BODY_MAX)
		return -1;
	*ret_need = sizeof(frame) + frame.size;
	if (size < *ret_need)
		return 0;
	*ret_frame = frame;
	*ret_body = (const uint8_t *)data + sizeof(frame);
	return 1;
}

/* Reads a body from its beginning: fixed part first, then strings; every taker returns
 * false (and leaves the cursor alone) where the body is too short. */
struct zrun_cursor {
	const uint8_t *at;
	size_t left;
};
static inline bool zrun_take(struct zrun_cursor *c, void *ret_fixed, size_t size)
{
	if (c->left < size)
		return false;
	memcpy(ret_fixed, c->at, size);
	c->at += size;
	c->left -= size;
	return true;
}
/* Borrowed from the body, not terminated. */
static inline bool zrun_take_bytes(struct zrun_cursor *c, const char **ret_data, size_t size)
{
	if (c->left < size)
		return false;
	*ret_data = (const char *)c->at;
	c->at += size;
	c->left -= size;
	return true;
}

/* Reads an EXEC. False where it is damaged: the words are as many as it says, each with its NUL and the first
 * not empty; TERM has none. */
static inline bool zrun_exec_parse(const uint8_t *body, size_t size, struct zrun_exec *ret_exec,
				   const char **ret_words, const char **ret_term)
{
	struct zrun_cursor c = {body, size};
	uint32_t count = 0;

	if (!zrun_take(&c, ret_exec, sizeof(*ret_exec)) || ret_exec->words_size == 0 ||
	    ret_exec->term_size > ZRUN_TERM_MAX ||
	    !zrun_take_bytes(&c, ret_words, ret_exec->words_size) ||
	    !zrun_take_bytes(&c, ret_term, ret_exec->term_size))
		return false;
	for (uint32_t at = 0; at < ret_exec->words_size; at++)
		count += (*ret_words)[at] == '\0';
	return count == ret_exec->words_count && (*ret_words)[0] != '\0' &&
	       (*ret_words)[ret_exec->words_size - 1] == '\0' &&
	       memchr(*ret_term, '\0', ret_exec->term_size) == NULL;
}

#endif

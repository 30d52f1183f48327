/*
 * The stages of one submission. Private to this directory.
 *
 *   (new) ──► checking ──► loading ──► translating ──► storing ──► spreading ──► deciding ──► (end)
 *                │                         │                          ▲
 *                │   every module is       └── nothing to store ──────┤
 *                ├── known from before ──► storing                    │
 *                └── and nothing to store, or a dry run ──────────────┘
 *
 * Where the translator's cache has damaged what it had made, storing leads back to loading, once.
 *
 *   checking      opens the package, checks signature, integrity and meaning   (thread);
 *                 once more with the values that its name keeps, which is known only then
 *   loading       reads the modules that are new and checks each               (thread)
 *   translating   has them translated to native code                           (child processes)
 *   spreading     has other zrms store them, too
 *   storing       writes the artifacts that are not there yet, durably         (thread)
 *   deciding      with the core, until submission_decided()
 *   refused       notifies the listener; follows every stage but deciding
 *
 * A package whose modules and artifacts are all known takes one turn in a thread.
 */
#ifndef SAMOZA_ZRMS_SUBMISSION_STAGES_H
#define SAMOZA_ZRMS_SUBMISSION_STAGES_H

#include <stdint.h>

#include "adapter/archive/package.h"
#include "adapter/uv/loop.h"
#include "base/diagnostics.h"
#include "base/state_machine.h"
#include "base/vector.h"
#include "zrms/submission/submissions.h"
#include "zrms/submission/trusted_keys.h"

enum submission_stage {
	SUBMISSION_CHECKING,
	SUBMISSION_LOADING,
	SUBMISSION_TRANSLATING,
	SUBMISSION_STORING,
	SUBMISSION_SPREADING,
	SUBMISSION_DECIDING,
	SUBMISSION_REFUSED,
};
extern const struct state_machine_type submission_machine;

/* A module that was checked before, and the least memory that it was found to fit into. */
struct checked_module;

struct submissions {
	struct loop *loop;
	struct artifacts *artifacts;
	struct translations *translations; /* NULL: no translator */
	const char *platform, *translator_error;
	struct submit_options options;
	const struct submit_listener *listener;
	void *user;
	struct trusted_keys *trusted;
	struct trusted_keys *told;	/* to the listener */
	struct checked_module *checked; /* by digest */
	struct loop_timer *trim;
	unsigned active;
	uint64_t submitted_total, refused_total;
	struct histogram time; /* of those that were decided */
};

/* A module of a package, once however many spaces run it. */
struct submitted_module {
	const struct mex_file *file; /* in the space that has the least memory */
	uint64_t memory_bytes;	     /* of that space */
	uint8_t *data;		     /* loaded, for check and translation */
	size_t size;
	uint32_t code_bytes; /* once loaded */
	struct native_code native;
	bool is_checked; /* as it is, for that memory */
	bool is_known;	 /* its native code is */
};

struct submission {
	struct submissions *all;
	void *request; /* the caller's */
	int64_t begun_us;
	uint8_t stage; /* enum submission_stage */
	struct submission_options options;
	char *name;		  /* of the application; NULL: that of the package */
	struct values values;	  /* given, and once they are known those that are kept */
	struct diagnostics given; /* what is wrong with how they are given */
	struct mex_peek peek;
	char *kept; /* as of struct control_submit; NULL: not looked up yet, or nothing is kept */
	struct upload upload;
	struct trusted_keys *trusted;
	uv_work_t work; /* the stage's turn in a thread */
	struct mex_package *package;
	struct diagnostics findings;
	struct error *err; /* set by a stage: the submission is refused */
	VECTOR(struct submitted_module) modules;
	size_t translating; /* answers that are awaited */
	bool is_again;	    /* modules are translated again: the cache had damaged them */
	void (*on_translated)(struct submission *s);
	VECTOR(const struct mex_file *)
	files;		     /* artifacts, to be written where they are missing */
	unsigned written;    /* of them */
	VECTOR(char *) pins; /* digests */
};

/* Begins the first stage. Takes the submission over. */
void submission_begin(struct submission *s);

/* ---- look_at_keys.c ---- */

/* The keys as they are now, without the listener hearing of it. */
int submissions_read_keys(struct submissions *all, struct error **err) must_check;

/* ---- modules.c: the modules of a package ---- */

/* Collects them after the check. */
void submission_modules_find(struct submission *s);
/* Fills in what is known of them from earlier submissions. True: everything of all. */
bool submission_modules_recall(struct submission *s);
/* In a thread: reads those that are new, and checks each. */
void submission_modules_load(struct submission *s);
/* Has them translated; `on_done` is called once, when every answer is there. */
void submission_modules_translate(struct submission *s, void (*on_done)(struct submission *s));
/* revision_record_new(): the digest of a module's native code. `user`: the submission. */
const char *submission_native_digest(void *user, const char *module_digest);
void checked_modules_free(struct submissions *all);

#endif

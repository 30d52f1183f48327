/*
 * What submitting a package means to the application that has its name. Compared is the newest revision
 * that was accepted, by semantic precedence of the versions, by the digest of the package and by the values of its parameters.
 *
 *                     same package   same package,   same version,    higher    lower
 *                     and values     other values    other contents   version   version
 *   it is stopped     unchanged      updated         updated          updated   updated
 *   it is not         unchanged      updated         refused          updated   refused
 *
 * So a submission may be repeated after a lost answer. Source:
 * [topology.redeploy.effect] [change.submit].
 */
#ifndef SAMOZA_CORE_APPLICATION_SUBMISSION_EFFECT_H
#define SAMOZA_CORE_APPLICATION_SUBMISSION_EFFECT_H

#include <stdbool.h>

#include "base/error.h"
#include "core/application/revision.h"

enum submission_effect {
	SUBMISSION_NONE,      /* no submission, or one that was refused */
	SUBMISSION_CREATED,   /* the first one of its name */
	SUBMISSION_UPDATED,   /* a further revision */
	SUBMISSION_UNCHANGED, /* the newest revision is this package */
};

/* What who submits asks for, beside the package. */
struct submission_options {
	bool start;	 /* false: --no-start */
	bool dry_run;	 /* answer with places or reasons (a TopologyView), change nothing */
	bool plan;	 /* as dry_run: what would follow is to be said, and not to be done */
	bool resets;	 /* --reset-values: counts that people gave end */
	bool downgrades; /* --allow-downgrade: the version may be lower */
	bool no_surge;	 /* --no-surge: what has no room for a second copy stops first */
};

/* How a submission that has no version counts. */
#define VERSION_NONE "0.0.0"

/* `newest`: of the application; `package`: what is submitted (its version and digest count).
 * ERR_CONFLICT: refused, with what to do. */
int submission_judge(const struct revision *newest, const Samoza__V1__RevisionRecord *package,
		     bool is_stopped, const struct submission_options *options,
		     enum submission_effect *ret_effect, struct error **err) must_check;

/* "created", "updated", "unchanged"; NULL for SUBMISSION_NONE. */
const char *submission_effect_name(enum submission_effect effect);

#endif

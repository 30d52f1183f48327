#include "core/application/submission_effect.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "model/manifest.h"

const char *submission_effect_name(enum submission_effect effect)
{
	static const char *const names[] = {
		[SUBMISSION_CREATED] = "created",
		[SUBMISSION_UPDATED] = "updated",
		[SUBMISSION_UNCHANGED] = "unchanged",
	};
	return names[effect];
}

static const char *version_of(const Samoza__V1__RevisionRecord *record)
{
	return record->version != NULL ? record->version : VERSION_NONE;
}

/* How `b` compares with `a`: negative where it is lower. */
static int compare_versions(const char *a, const char *b)
{
	struct version before = {0}, after = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	int order = 0;
	/* What an older zrms accepted has no order. */
	if (version_parse(a, &before, &err) == 0 && version_parse(b, &after, &err) == 0)
		order = version_compare(&after, &before);
	version_done(&before);
	version_done(&after);
	return order;
}

int submission_judge(const struct revision *newest, const Samoza__V1__RevisionRecord *package,
		     bool is_stopped, const struct submission_options *options,
		     enum submission_effect *ret_effect, struct error **err)
{
	const char *from = version_of(newest->record), *to = version_of(package);
	bool is_same_package =
		str_equal(newest->record->package_digest, package->package_digest) &&
		str_equal(from, to);
	if (is_same_package && !revision_values_are_same(newest->record, package)) {
		*ret_effect = SUBMISSION_UPDATED;
		return 0;
	}
	if (is_same_package) {
		bool differs = options->resets && newest->record->n_scaled > 0;
		*ret_effect = differs ? SUBMISSION_UPDATED : SUBMISSION_UNCHANGED;
		return 0;
	}
	int order = compare_versions(from, to);
	if (!is_stopped && order == 0)
		return error_set(err, ERR_CONFLICT,
				 "%s is deployed with other contents: raise the version", to);
	if (!is_stopped && order < 0 && !options->downgrades)
		return error_set(err, ERR_CONFLICT,
				 "%s is lower than %s: use topo rollback or --allow-downgrade",
				 to, from);
	*ret_effect = SUBMISSION_UPDATED;
	return 0;
}

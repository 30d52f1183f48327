/*
 * The values of `env` and `config` of an instance: the one place that knows what their references stand for
 * (model/setting.h is their language). zrms and zhost ask it with what each has:
 *
 *   zrms    has the providers: settings_sum() says whether the process that runs started with other values
 *   agent   the same, of the providers that an action gets: what a start or an update reports
 *   zhost   has the exports, too: settings_fill() makes the text
 *
 * Secrets are compared by the numbers of their versions: what they say is known neither to zrms' core nor to the agent.
 *
 * Providers are those of an instance, import by import, each in the order of their paths, without the instance itself: as
 * an agent_order has them. A sum is the same in all versions, since it is compared on both ends of a link, and kept.
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_SETTINGS_H
#define SAMOZA_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/wire.pb-c.h"

/* Of "FROM.NAME"; NULL: no provider gives it. Borrowed from the providers. */
const char *settings_value(Samoza__V1__Provider *const *providers, size_t count,
			   const char *reference);

/* The value of "FROM.NAME", of "secret:NAME" the number of its version; NULL: it has none now. */
typedef const char *settings_value_fn(void *user, const char *reference);
/* What a process has, or would get. */
struct settings_sum {
	uint64_t sum; /* 0: its space has neither env nor config; never 0 else */
	uint64_t
		unset; /* which of its references have no value, a bit for each (SETTING_REFERENCES_MAX) */
};
/* Of `unset`. */
uint64_t settings_bit(size_t reference);
/* Over the values of these references. */
struct settings_sum settings_sum(char *const *references, size_t count,
				 settings_value_fn *value, void *user);
/* What would be started with `now` has no value where what has `then` has one. */
bool settings_lose(const struct settings_sum *then, const struct settings_sum *now);

/* One that the instance is to have, and that is not there for it now; NULL: none is missing. Borrowed. */
const char *settings_missing_secret(const Samoza__V1__InstanceSpec *spec);

/* The reference of the spec has a value now: a provider gives it, or the secret has a version. */
bool settings_has(const Samoza__V1__InstanceSpec *spec, Samoza__V1__Provider *const *providers,
		  size_t count, const char *reference);

/* The spec names something, so that its instances have a sum. */
bool settings_any(const Samoza__V1__InstanceSpec *spec);
/* Its programs take other values while they run; else a new copy does. */
bool settings_in_place(const Samoza__V1__InstanceSpec *spec);
/* What a process gets that starts, or is updated, now: its sum, and where that is done in place also what is written. */
struct settings_sum settings_of(const Samoza__V1__InstanceSpec *spec,
				Samoza__V1__Provider *const *providers, size_t count);

/* `unset` of a process of `from`, by the references of `to`: it has no value of those that are new. */
uint64_t settings_unset_of(uint64_t unset, const Samoza__V1__InstanceSpec *from,
			   const Samoza__V1__InstanceSpec *to);

/* The text with all values; an import without one stands for nothing. The caller frees. ERR_LIMIT: it is larger than
 * SETTING_FILLED_MAX_BYTES; ERR_INVALID: its language is wrong, or a value of several lines stands within a line. */
int settings_fill(const char *text, Samoza__V1__Variable *const *exports, size_t export_count,
		  Samoza__V1__Provider *const *providers, size_t count, char **ret_text,
		  struct error **err) must_check;

#endif

/*
 * Description of a zhost as configuration files and scenarios give it [topology.zhosts.entry]:
 * what it offers to placement. `region` and `kind` are labels like any other.
 */
#ifndef SAMOZA_MODEL_ZHOST_H
#define SAMOZA_MODEL_ZHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diagnostics.h"
#include "model/constraint.h"
#include "proto/model.pb-c.h"
#include "schema/yaml.h"

struct zhost_device {
	const char *kind;
	const char *model; /* "" when not given */
	uint32_t count;
	bool is_capability; /* of a capability that one instance at a time may have: `kind` is its name */
};

/* Everything it points to is its own; zhost_spec_done() frees it. */
/* The label of every zhost that is its name. */
#define ZHOST_LABEL "zhost"

struct zhost_spec {
	char *name;
	bool has_cpu, has_memory; /* false: whatever the machine has; the number is then 0 */
	uint32_t cpu_millicores;
	uint64_t memory_bytes;
	struct label_set labels;   /* with region, kind and ZHOST_LABEL */
	const char **capabilities; /* sorted, unique; without those that every zhost offers */
	unsigned capability_count;
	struct zhost_device
		*devices; /* in declaration order; then one for each exclusive capability */
	unsigned device_count;
	bool has_position;
	double latitude, longitude; /* degrees */
};

void zhost_spec_done(struct zhost_spec *z);

#define ZHOST_NAME_MAX_BYTES 63
#define ZHOST_NAME_EXPECTED \
	"1 to 63 characters of A-Z, a-z, 0-9, '.', '_' and '-', the first one not '-'"
/* ZHOST_NAME_EXPECTED, as files and zhosts must have it: a name that begins with '-' would be
 * taken for an option. zhost_spec_compile() still takes what a store of 0.1.0 may have. */
bool zhost_name_is_valid(const char *name);

/*
 * From the message. `path` is the zhost's in its file ("zhosts[3]", "" or NULL when it is the
 * file), `positions` may be NULL, findings are added to `findings` (may be NULL). ERR_INVALID:
 * a name that is none, an amount that is none, a label with two values, half a position, a capability
 * that is there twice and not alike, an exclusive one that is the kind of a device.
 */
must_check int zhost_spec_compile(const Samoza__V1__ZhostSpec *in, const char *path,
				  const struct schema_positions *positions,
				  struct diagnostics *findings, struct zhost_spec *ret_zhost,
				  struct error **err);

/* What a zhost offers by its version, not by its settings: its zedge asks for a token where a space says so. */
#define CAPABILITY_PAGE_ACCESS "page.access"
/* The zhost gets tokens for the instances of a space that declares it: by its version, too. */
#define CAPABILITY_CLUSTER_API "cluster.api"
/* The zhost gives its instances `env` and `config`: by its version, too. */
#define CAPABILITY_SETTINGS "space.settings"
/* The zhost gives its instances secrets: by its version, too. */
#define CAPABILITY_SECRETS "space.secrets"
/* One of those four. */
bool capability_is_by_version(const char *capability);
/* sys.*, net.*, data.*, events.*: offered by every zhost [topology.placement.rule-2]. */
bool capability_is_common(const char *capability);
/* Whether the zhost offers it. O(log n). */
bool zhost_spec_offers(const struct zhost_spec *z, const char *capability);

/* Sets the names of the capabilities that the message offers: those of `offers` which miss nothing, besides the names that
 * it has already. For peers that know names alone. */
void zhost_spec_name_capabilities(Samoza__V1__ZhostSpec *spec);
/* What it says that a capability gives; NULL: nothing, or it does not offer it. Borrowed. */
const Samoza__V1__CapabilityOffer *zhost_spec_offer(const Samoza__V1__ZhostSpec *spec,
						    const char *capability);

/* Great-circle distance in metres on a sphere of 6,371,008.8 m; for `near`. */
double distance_m(double latitude_a, double longitude_a, double latitude_b, double longitude_b);

#endif

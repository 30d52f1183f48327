#include "zrms/settings.h"

#include <stddef.h>

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

#define AT(field) offsetof(struct settings, field)
#define HOUR_MS	  (60ull * 60 * 1000)

static const struct config_option options[] = {
	{"dir", "dir", "ZRMS_DIR", CONFIG_PATH, AT(dir), .required = true, .value = "DIR",
	 .help = "Folder of the durable state, the artifacts and the trusted keys"},
	{"listen", "listen", "ZRMS_LISTEN", CONFIG_LISTEN, AT(listen),
	 .fallback = "127.0.0.1:7331",
	 .help = "Address of the REST interface and of the zhosts' links; loopback only, "
		 "because there is no access control yet; port 0: any free one, written to "
		 "DIR/address"},
	{"resource_reporting.interval", "heartbeat", "ZRMS_HEARTBEAT", CONFIG_DURATION,
	 AT(interval_ms), .fallback = "10s", .min = 10, .max = HOUR_MS,
	 .help = "Time between two heartbeats of a zhost"},
	{"failure_detection.timeout", "failure-timeout", "ZRMS_FAILURE_TIMEOUT",
	 CONFIG_DURATION, AT(timeout_ms), .fallback = "30s", .min = 30, .max = 24 * HOUR_MS,
	 .help = "Silence after which a zhost is unavailable and its spaces are placed anew"},
	{"failure_detection.check_interval", "check-interval", "ZRMS_CHECK_INTERVAL",
	 CONFIG_DURATION, AT(check_ms), .fallback = "5s", .min = 1, .max = HOUR_MS,
	 .help = "Time between two looks for silent zhosts; never more than a sixth of the "
		 "timeout"},
	{"failure_detection.on_disconnect", "on-disconnect", "ZRMS_ON_DISCONNECT",
	 CONFIG_DURATION, AT(on_disconnect_ms), .fallback = "0s", .max = HOUR_MS,
	 .help = "A zhost whose connection closes and does not come back within this time is "
		 "unavailable at once; 0s: off"},
	{"failure_detection.margin", "margin", "ZRMS_MARGIN", CONFIG_DURATION, AT(margin_ms),
	 .fallback = "2s", .max = HOUR_MS,
	 .help = "Beyond the timeout, before an exclusive space is started elsewhere"},
	{"trust", "trust", "ZRMS_TRUST", CONFIG_STRING, AT(trust), .value = "FILE[:FILE...]",
	 .help = "Public keys that are trusted beside those in DIR/trust/*.pub"},
	{"allow_unsigned", "allow-unsigned", "ZRMS_ALLOW_UNSIGNED", CONFIG_BOOL,
	 AT(allow_unsigned), .help = "Accept packages without a signature"},
	{"log_level", "log-level", "ZRMS_LOG_LEVEL", CONFIG_CHOICE, AT(log_level),
	 .fallback = "info", .choices = levels, .help = "How much is logged"},
	{0},
};

const struct config_program settings_program = {
	.name = "zrms",
	.summary = "resource manager: takes topologies, places them, keeps them running",
	.options = options,
	.has_file = true,
};

int settings_control(const struct settings *s, struct control_config *ret_config,
		     struct error **err)
{
	if (s->timeout_ms < 2 * s->interval_ms)
		return error_set(err, ERR_INVALID,
				 "failure_detection.timeout (%lld ms) must be at least twice "
				 "resource_reporting.interval (%lld ms): one lost heartbeat is "
				 "no failure",
				 (long long)s->timeout_ms, (long long)s->interval_ms);
	*ret_config = CONTROL_CONFIG_DEFAULT;
	ret_config->heartbeat_ms = s->interval_ms;
	ret_config->failure_timeout_ms = s->timeout_ms;
	/* at most a sixth of the timeout [topology.detection.heartbeat] */
	ret_config->check_ms =
		s->check_ms < s->timeout_ms / 6 ? s->check_ms : s->timeout_ms / 6;
	ret_config->on_disconnect_ms = s->on_disconnect_ms;
	ret_config->margin_ms = s->margin_ms;
	return 0;
}

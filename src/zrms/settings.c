#include "zrms/settings.h"

#include <stddef.h>

#include "adapter/cli/log_options.h"
#include "adapter/cli/version.h"
#include "zrms/api_metrics.h"
#include "zrms/check.h"
#include "zrms/init.h"
#include "zrms/migrate.h"
#include "zrms/restore.h"

#define AT(field) offsetof(struct settings, field)
#define HOUR_MS	  (60ull * 60 * 1000)

static const char *const other_keys[] = {"notices", NULL};
static const char *const readers_of_metrics[] = {"viewer", "public", NULL};

static const struct cli_option options[] = {
	{.key = "dir",
	 .name = "dir",
	 .environment = "ZRMS_DIR",
	 .type = CLI_PATH,
	 .offset = AT(dir),
	 .required = true,
	 .value = "DIR",
	 .help = "Directory of the durable state, the artifacts and the trusted keys"},
	{.key = "store",
	 .name = "store",
	 .environment = "ZRMS_STORE",
	 .type = CLI_STRING,
	 .offset = AT(store),
	 .value = "URL",
	 .help = "URL of the store for records and events: sqlite:DIR, or "
		 "etcd:https://HOST:PORT,... (etcd 3.4 or later, always with certificates); "
		 "default: the directory of --dir"},
	{.key = "store_ca",
	 .name = "store-ca",
	 .environment = "ZRMS_STORE_CA",
	 .type = CLI_PATH,
	 .offset = AT(store_authorities),
	 .value = "FILE",
	 .help = "Authorities (PEM) of which the certificates of etcd are; default: those of "
		 "the cluster, in DIR/credentials/authorities.pem"},
	{.key = "store_certificate",
	 .name = "store-certificate",
	 .environment = "ZRMS_STORE_CERTIFICATE",
	 .type = CLI_PATH,
	 .offset = AT(store_certificate),
	 .value = "FILE",
	 .help = "Certificate (PEM) with which zrms connects to etcd; default: its own, in "
		 "DIR/credentials/identity.pem"},
	{.key = "store_key",
	 .name = "store-key",
	 .environment = "ZRMS_STORE_KEY",
	 .type = CLI_PATH,
	 .offset = AT(store_key),
	 .value = "FILE",
	 .help = "Key (PEM) of that certificate; default: it is in the same file"},
	{.key = "store_events",
	 .name = "store-events",
	 .environment = "ZRMS_STORE_EVENTS",
	 .type = CLI_U32,
	 .offset = AT(store_events),
	 .fallback = "100000",
	 .min = 1000,
	 .max = 1000000,
	 .value = "N",
	 .help = "How many of the newest events a store in etcd keeps; of the others each zrms "
		 "has a copy of its own, up to the newest 1000000"},
	{.key = "name",
	 .name = "name",
	 .environment = "ZRMS_NAME",
	 .type = CLI_STRING,
	 .offset = AT(name),
	 .value = "NAME",
	 .help = "Name of this zrms among those that share a store in etcd; default: the name "
		 "of the machine and the port, as in host-7331"},
	{.key = "lease",
	 .name = "lease",
	 .environment = "ZRMS_LEASE",
	 .type = CLI_DURATION,
	 .offset = AT(lease_ms),
	 .fallback = "2s",
	 .min = 2000,
	 .max = 60000,
	 .help = "How long the lease of the leader of several zrms lasts without being "
		 "renewed: "
		 "after that time of silence another one leads"},
	{.key = "listen",
	 .name = "listen",
	 .environment = "ZRMS_LISTEN",
	 .type = CLI_LISTEN_ANY,
	 .offset = AT(listen),
	 .help = "Address of the REST interface and of the zhosts' links; default: that which "
		 "zrms init was told, or " SETTINGS_LISTEN ". One that other machines reach "
		 "needs zrms init, and speaks TLS only; port 0: any free port, written to "
		 "DIR/address"},
	{.key = "local",
	 .name = "local",
	 .environment = "ZRMS_LOCAL",
	 .type = CLI_LISTEN,
	 .offset = AT(local),
	 .help = "Loopback address for programs of this machine, where --listen is for others; "
		 "default: 127.0.0.1 and the port of --listen"},
	{.key = "advertise",
	 .name = "advertise",
	 .environment = "ZRMS_ADVERTISE",
	 .type = CLI_STRING,
	 .offset = AT(advertise),
	 .value = "NAME,ADDRESS...",
	 .help = "Names and addresses under which other machines reach it, which its "
		 "certificate "
		 "then says; default: those which zrms init was told"},
	{.key = "resource_reporting.interval",
	 .name = "heartbeat",
	 .environment = "ZRMS_HEARTBEAT",
	 .type = CLI_DURATION,
	 .offset = AT(interval_ms),
	 .fallback = "10s",
	 .min = 10,
	 .max = HOUR_MS,
	 .help = "Time between two heartbeats of a zhost"},
	{.key = "failure_detection.timeout",
	 .name = "failure-timeout",
	 .environment = "ZRMS_FAILURE_TIMEOUT",
	 .type = CLI_DURATION,
	 .offset = AT(timeout_ms),
	 .fallback = "30s",
	 .min = 30,
	 .max = 24 * HOUR_MS,
	 .help = "Time without a heartbeat after which a zhost is unavailable and its spaces "
		 "are re-placed"},
	{.key = "failure_detection.check_interval",
	 .name = "check-interval",
	 .environment = "ZRMS_CHECK_INTERVAL",
	 .type = CLI_DURATION,
	 .offset = AT(check_ms),
	 .fallback = "5s",
	 .min = 1,
	 .max = HOUR_MS,
	 .help = "Time between two checks for silent zhosts; at most a sixth of the "
		 "timeout"},
	{.key = "failure_detection.on_disconnect",
	 .name = "on-disconnect",
	 .environment = "ZRMS_ON_DISCONNECT",
	 .type = CLI_DURATION,
	 .offset = AT(on_disconnect_ms),
	 .fallback = "0s",
	 .max = HOUR_MS,
	 .help = "A zhost whose connection closes and is not restored within this time is "
		 "unavailable at once; 0s: off"},
	{.key = "failure_detection.margin",
	 .name = "margin",
	 .environment = "ZRMS_MARGIN",
	 .type = CLI_DURATION,
	 .offset = AT(margin_ms),
	 .fallback = "2s",
	 .max = HOUR_MS,
	 .help = "Time after the timeout before an exclusive space is started elsewhere"},
	{.key = "drain.units",
	 .name = "drain-units",
	 .environment = "ZRMS_DRAIN_UNITS",
	 .type = CLI_U32,
	 .offset = AT(drain_units),
	 .fallback = "4",
	 .min = 1,
	 .max = 10000,
	 .help = "How many spaces, each with what is inside of it, all drains together hand "
		 "over "
		 "at a time"},
	{.key = "certificates.lifetime",
	 .name = "certificate-lifetime",
	 .environment = "ZRMS_CERTIFICATE_LIFETIME",
	 .type = CLI_DURATION,
	 .offset = AT(certificate_ms),
	 .fallback = "7d",
	 .min = 3000,
	 .max = 90 * 24 * HOUR_MS,
	 .help = "How long the certificate of a zhost is valid; it is renewed from a third of "
		 "that time on"},
	{.key = "certificates.passphrase_file",
	 .name = "ca-passphrase-file",
	 .environment = "ZRMS_CA_PASSPHRASE_FILE",
	 .type = CLI_PATH,
	 .offset = AT(ca_passphrase_file),
	 .value = "FILE",
	 .help = "File whose first line is the passphrase of the key of the certificate "
		 "authority; default: the systemd credential ca-passphrase, else none. With "
		 "zrms init: seals the key with it"},
	{.key = "audit.keep",
	 .name = "audit-keep",
	 .environment = "ZRMS_AUDIT_KEEP",
	 .type = CLI_DURATION,
	 .offset = AT(audit.age_ms),
	 .fallback = "365d",
	 .min = HOUR_MS,
	 .max = 365 * 24 * HOUR_MS,
	 .help = "How long lines of the audit are kept; the newest 1,000 are, whatever their "
		 "age"},
	{.key = "audit.size",
	 .name = "audit-size",
	 .environment = "ZRMS_AUDIT_SIZE",
	 .type = CLI_SIZE,
	 .offset = AT(audit.bytes),
	 .fallback = "64MiB",
	 .min = 1024 * 1024,
	 .max = UINT64_C(1) << 40,
	 .help = "How large the audit may grow before its oldest lines go"},
	{.key = "recorder.keep",
	 .name = "recorder-keep",
	 .environment = "ZRMS_RECORDER_KEEP",
	 .type = CLI_DURATION,
	 .offset = AT(recorder_keep_ms),
	 .fallback = "365d",
	 .min = HOUR_MS,
	 .max = 3650 * 24 * HOUR_MS,
	 .help = "How long recordings of what zrms was told are kept"},
	{.key = "recorder.size",
	 .name = "recorder-size",
	 .environment = "ZRMS_RECORDER_SIZE",
	 .type = CLI_SIZE,
	 .offset = AT(recorder_bytes),
	 .fallback = "1GiB",
	 .max = UINT64_C(1) << 40,
	 .help = "How large the recordings in DIR/recorder may grow before the oldest go; 0B: "
		 "nothing is recorded"},
	{.key = "metrics",
	 .name = "metrics",
	 .environment = "ZRMS_METRICS",
	 .type = CLI_CHOICE,
	 .choices = readers_of_metrics,
	 .offset = AT(metrics),
	 .fallback = "viewer",
	 .value = "WHO",
	 .help = "Who may read /metrics: viewer: who shows a token; public: everybody who "
		 "reaches zrms"},
	{.key = "trust",
	 .name = "trust",
	 .environment = "ZRMS_TRUST",
	 .type = CLI_STRING,
	 .offset = AT(trust),
	 .value = "FILE[:FILE...]",
	 .help = "Public keys that are trusted in addition to DIR/trust/*.pub"},
	{.key = "allow_unsigned",
	 .name = "allow-unsigned",
	 .environment = "ZRMS_ALLOW_UNSIGNED",
	 .type = CLI_FLAG,
	 .offset = AT(allow_unsigned),
	 .help = "Accept packages without a signature"},
	{.key = "backup.every",
	 .name = "backup-every",
	 .environment = "ZRMS_BACKUP_EVERY",
	 .type = CLI_DURATION,
	 .offset = AT(backup_every_ms),
	 .fallback = "0s",
	 .max = 31 * 24 * HOUR_MS,
	 .help = "Time between two backups that zrms makes by itself; 0s: none"},
	{.key = "backup.old_after",
	 .name = "backup-old-after",
	 .environment = "ZRMS_BACKUP_OLD_AFTER",
	 .type = CLI_DURATION,
	 .offset = AT(backup_old_after_ms),
	 .fallback = "0s",
	 .max = 365 * 24 * HOUR_MS,
	 .help = "How old the newest of these backups may be before that is an event, and a "
		 "notice (backup.old); 0s: three times --backup-every"},
	{.key = "backup.dir",
	 .name = "backup-dir",
	 .environment = "ZRMS_BACKUP_DIR",
	 .type = CLI_PATH,
	 .offset = AT(backup_dir),
	 .value = "DIR",
	 .help = "Directory of these backups; default: DIR/backups of --dir. They hold the "
		 "keys of the "
		 "cluster"},
	{.key = "backup.keep",
	 .name = "backup-keep",
	 .environment = "ZRMS_BACKUP_KEEP",
	 .type = CLI_U32,
	 .offset = AT(backup_keep),
	 .fallback = "7",
	 .min = 1,
	 .max = 10000,
	 .help = "How many of these backups are kept; the oldest are removed"},
	{.key = "backup.passphrase_file",
	 .name = "backup-passphrase-file",
	 .environment = "ZRMS_BACKUP_PASSPHRASE_FILE",
	 .type = CLI_PATH,
	 .offset = AT(backup_passphrase_file),
	 .value = "FILE",
	 .help = "File whose first line is the passphrase with which these backups are "
		 "sealed, read for each; default: the systemd credential backup-passphrase, "
		 "else they are not sealed"},
	{.key = "machines.drivers",
	 .name = "drivers",
	 .environment = "ZRMS_DRIVERS",
	 .type = CLI_STRING,
	 .offset = AT(drivers),
	 .value = "NAME[=PATH],...",
	 .help = "Programs that make machines for zhosts (zshell zhost create); a name alone "
		 "is "
		 "a driver that is installed with zrms: local, ssh, command"},
	{.key = "machines.timeout",
	 .name = "driver-timeout",
	 .environment = "ZRMS_DRIVER_TIMEOUT",
	 .type = CLI_DURATION,
	 .offset = AT(driver_timeout_ms),
	 .fallback = "5m",
	 .min = 1000,
	 .max = HOUR_MS,
	 .help = "A call of a driver that takes longer is ended, and has failed"},
	{.name = "accept-loss",
	 .type = CLI_FLAG,
	 .offset = AT(accept_loss),
	 .help = "Start on a store that is damaged or has lost changes, without what is lost; "
		 "see zrms check"},
	{.name = "force",
	 .type = CLI_FLAG,
	 .offset = AT(force),
	 .help = "Start on a store whose content was moved to another one (zrms store "
		 "migrate), as on a restored backup"},
	CLI_LOG_OPTIONS(struct settings, "ZRMS"),
	{0},
};

static const struct cli_exit exits[] = {
	{0, "graceful shutdown"},
	{1, "the program cannot start, or the store failed; check: damage was found"},
	{2, "incorrect usage"},
	{0},
};

static const struct cli_command *const commands[] = {&init_command, &check_command,
						     &restore_command, &migrate_command, NULL};

const struct cli_program settings_program = {
	.name = "zrms",
	.summary = "resource manager: takes topologies, places them, keeps them running",
	.commands = commands,
	.is_optional = true,
	.options = options,
	.version = SAMOZA_VERSION,
	.exits = exits,
	.has_file = true,
	.metrics = api_metric_sources,
	.other_keys = other_keys,
	.notes = "The file may list `notices`: whom zrms notifies by a webhook or a command, "
		 "and of what (docs/howto/notices.md).",
};

int settings_control(const struct settings *s, struct control_config *ret_config,
		     struct error **err)
{
	if (s->timeout_ms < 2 * s->interval_ms)
		return error_set(err, ERR_INVALID,
				 "failure_detection.timeout (%lld ms) must be at least twice "
				 "resource_reporting.interval (%lld ms), so that one lost "
				 "heartbeat is not a failure",
				 (long long)s->timeout_ms, (long long)s->interval_ms);
	*ret_config = (struct control_config){
		.heartbeat_ms = s->interval_ms,
		.failure_timeout_ms = s->timeout_ms,
		/* at most a sixth of the timeout [topology.detection.heartbeat] */
		.check_ms = s->check_ms < s->timeout_ms / 6 ? s->check_ms : s->timeout_ms / 6,
		.on_disconnect_ms = s->on_disconnect_ms,
		.margin_ms = s->margin_ms,
		.drain_units = s->drain_units,
		.says_answered = true,
	};
	return 0;
}

/*
 * The settings of zrms, by file, environment and flags (docs/man/zrms.1).
 */
#ifndef SAMOZA_ZRMS_SETTINGS_H
#define SAMOZA_ZRMS_SETTINGS_H

#include "adapter/cli/cli.h"
#include "core/control/control.h"
#include "port/store.h"

#define SETTINGS_LISTEN "127.0.0.1:7331" /* where nothing is said */

struct settings {
	char *dir;
	char *store; /* URL; NULL: sqlite:DIR of `dir` */
	/* PEM files for a store in etcd; NULL: zrms' own identity. The key may be in the file of the certificate. */
	char *store_authorities, *store_certificate, *store_key;
	uint32_t store_events;	   /* that a store in etcd keeps */
	char *name;		   /* among those that share a store; NULL: HOST-PORT */
	int64_t lease_ms;	   /* of who leads them */
	struct cli_address listen; /* host "": what zrms init was told, or the default */
	struct cli_address
		local;	 /* for programs of this machine, where `listen` is for others */
	char *advertise; /* names and addresses, with ',' between; NULL: as `listen` */
	int64_t interval_ms, timeout_ms, check_ms, on_disconnect_ms, margin_ms;
	uint32_t drain_units;
	int64_t certificate_ms;	  /* of a zhost */
	char *ca_passphrase_file; /* NULL: as ca_passphrase.h */
	struct audit_kept audit;
	int64_t recorder_keep_ms;
	uint64_t recorder_bytes; /* 0: nothing is recorded */
	char *metrics;		 /* "viewer", "public" */
	char *trust;		 /* files, with ':' between */
	bool allow_unsigned;
	bool accept_loss, force;
	int64_t backup_every_ms;     /* 0: none by itself */
	int64_t backup_old_after_ms; /* 0: three times backup_every_ms */
	char *backup_dir;	     /* NULL: DIR/backups */
	uint32_t backup_keep;
	char *backup_passphrase_file; /* NULL: as backups.h */
	char *drivers;		      /* NAME=PATH, with commas between; NULL: none */
	int64_t driver_timeout_ms;
	char *log_level, *log_file;
};

extern const struct cli_program settings_program;

/* What the core needs of it, checked against each other. ERR_INVALID. */
int settings_control(const struct settings *settings, struct control_config *ret_config,
		     struct error **err) must_check;

#endif

/*
 * What `--config FILE` says of the zhosts. Each zhost that is started gets a copy of its own,
 * DIR/config/NAME.yaml, so that FILE may be moved or changed afterwards [shell.startz.config].
 */
#ifndef SAMOZA_STARTZ_CONFIG_H
#define SAMOZA_STARTZ_CONFIG_H

#include <stdbool.h>

#include "base/buffer.h"
#include "proto/model.pb-c.h"
#include "startz/state.h"

struct config {
	char *path;		     /* as a person gave it */
	struct buffer text;	     /* the whole file */
	Samoza__V1__ZhostList *list; /* NULL: none was given */
};

/* Whether a zhost may have the name, which becomes part of paths and of command lines. */
int config_check_name(const char *name, struct error **err) must_check;
/* Reads the list of zhosts. Without a path (NULL) the configuration is empty. */
int config_read(const char *path, struct config *ret_config, struct error **err) must_check;
void config_done(struct config *config);

/* ERR_NOT_FOUND: no zhost of this name is listed. PRE: there is a list. */
int config_check(const struct config *config, const char *name, struct error **err) must_check;
/* Whether it says the same of `m` as the configuration that `m` has. PRE: `m` is listed. */
bool config_is_of(const struct config *config, const struct member *m);
/* Before `m` is started: copies the file to DIR/config. Without a list `m` keeps what it has,
 * copied, too, if a startz of 0.1.0 recorded only where it was. */
int config_keep(const struct state *s, struct member *m, const struct config *config,
		struct error **err) must_check;

#endif

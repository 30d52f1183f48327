/*
 * `env`, `config` and `secrets` of an instance as its process gets them: filled in here (core/settings/settings.h), and handed over with
 * its imports, with a start and with each update, since they change with them.
 *
 *   "@ env NAME"      the value
 *   "@ config FILE"   the content; where its kind writes files, their digest, so that a change of one is one of the set
 *
 *   "@ secret-env NAME"    "SECRET VERSION": a variable whose value zrun has apart, under that key
 *   "@ secret-file FILE"   the same, of a file; for sys.config_get() of WebAssembly
 *
 *   "@ keep -"        an update, in the place of all of these: they stay as they are, and so do files; the last one
 *   "@ none -"        an update, in the place of all of these: they go; the last one
 *
 * An update without any of these is of a zhost of a version that knows none: zrun takes it for one with "@ keep -". So where
 * settings go, an update says so.
 *
 * No import has such a name. A zrun that is older takes these for imports, and has none: a space with settings is placed only
 * where they are known. Source: [workloads.configuration].
 */
#ifndef SAMOZA_ZHOST_SPACE_SETTINGS_H
#define SAMOZA_ZHOST_SPACE_SETTINGS_H

#include <stdbool.h>

#include "base/error.h"
#include "zhost/environment/imports.h"

struct resident;

/* Adds, after the imports, that they stay: for an update that is not to change them (agent_order.keeps_settings). */
void settings_keep(import_vector *to);
/* Adds that there are none any more (agent_order.drops_settings). */
void settings_drop(import_vector *to);
/* Nothing is to be done for an update of an instance without env and config: it has had no files of config either. */
bool settings_have_no_files(const struct resident *r);
/* Adds those of the action under way, after the imports; none with an error. `templates`: one for each file of r->asked. PRE: its exports are
 * filled in, and r->secrets has the values of its secrets. ERR_LIMIT: they are too large; ERR_IO and others: a file cannot be written. */
int settings_add(struct resident *r, char **take_templates, import_vector *to,
		 struct error **err) must_check;

#endif

/*
 * Files that people write, read whole.
 */
#ifndef SAMOZA_ZSIM_SCENARIO_FILES_H
#define SAMOZA_ZSIM_SCENARIO_FILES_H

#include <stddef.h>

#include "base/error.h"
#include "proto/model.pb-c.h"

/* At most SCHEMA_TEXT_MAX bytes and one more (so that the reader refuses it). The caller frees.
 */
int file_read(const char *file, char **ret_text, size_t *ret_size,
	      struct error **err) must_check;

/* A zhost without cpu or memory offers its whole machine [topology.zhosts.whole-machine]. zsim has
 * no machine: it gets 64 cores, 256 GiB. */
void zhost_fill_machine(Samoza__V1__ZhostSpec *spec);

#endif

/*
 * DIR/cluster.json: what `zrms init` was told, and that there is a cluster. An administrator may edit it while
 * zrms does not run.
 */
#ifndef SAMOZA_ZRMS_CLUSTER_FILE_H
#define SAMOZA_ZRMS_CLUSTER_FILE_H

#include "adapter/cli/address.h"
#include "proto/cluster.pb-c.h"

/* *ret_file NULL: zrms init was not run for `dir`. cluster_file_free(). ERR_INVALID: the file is broken. */
int cluster_file_read(const char *dir, Samoza__V1__ClusterFile **ret_file,
		      struct error **err) must_check;
/* Durable when it returns. */
int cluster_file_write(const char *dir, const Samoza__V1__ClusterFile *file,
		       struct error **err) must_check;
/* NULL is fine. */
void cluster_file_free(Samoza__V1__ClusterFile *file);
void cluster_file_freep(Samoza__V1__ClusterFile **file);

/* Takes the place of file->advertise: those in `text`, with ',' between; where it is NULL, that of `listen`, and
 * where that is all addresses, this machine's name and addresses. ERR_INVALID: an empty one. */
int cluster_file_advertise(Samoza__V1__ClusterFile *file, const char *text,
			   const struct cli_address *listen, struct error **err) must_check;
/* Which of file->advertise is this machine's, where several machines share the file: what `listen` names, or an address of this
 * machine, or its name, also as the first part of a longer one. Borrowed; NULL: none is. */
const char *cluster_file_own(const Samoza__V1__ClusterFile *file,
			     const struct cli_address *listen);

#endif

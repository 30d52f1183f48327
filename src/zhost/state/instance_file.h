/*
 * Names of an instance's files: a short hash, so that neither long names nor a deep DIR meet the 107
 * bytes of a socket's path (sockets are reached through the descriptor of run/).
 */
#ifndef SAMOZA_ZHOST_STATE_INSTANCE_FILE_H
#define SAMOZA_ZHOST_STATE_INSTANCE_FILE_H

#include <stdint.h>

#define INSTANCE_FILE_NAME_SIZE 33 /* 32 hexadecimal digits and NUL */

/* In log/ with epoch 0; in run/ and spaces/ with the instance's epoch. */
void instance_file_name(const char *topology, const char *path, uint64_t epoch,
			char ret_name[INSTANCE_FILE_NAME_SIZE]);

#endif

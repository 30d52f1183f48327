/* `zhost --dir DIR --end-spaces`: ends every process of DIR whose zhost is gone. */
#ifndef SAMOZA_ZHOST_PROCESS_END_SPACES_H
#define SAMOZA_ZHOST_PROCESS_END_SPACES_H

#include "base/error.h"

#define END_GRACE_MS 1000

/* Asks each to stop, and kills after END_GRACE_MS. A process counts as one of DIR when it
 * listens on a socket in DIR/run and the kernel calls it zrun. *ret_count: how many there were.
 * ERR_CONFLICT: some would not end. */
int end_spaces(int run_fd, const char *dir_path, unsigned *ret_count,
	       struct error **err) must_check;

#endif

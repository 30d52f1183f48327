/* All processes below one, by /proc: for where there is no namespace of processes. */
#ifndef SAMOZA_ZRUN_NATIVE_PROCESS_TREE_H
#define SAMOZA_ZRUN_NATIVE_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sends the signal to every descendant of `root`, and to `root` where `with_root`. Returns how
 * many there were, -1 when /proc cannot be read. */
int process_tree_signal(pid_t root, int signal, bool with_root);
/* Calls for `root` and every descendant, but for those of `without` and their descendants. Returns how many
 * there were, or -1. */
int process_tree_each(pid_t root, const pid_t *without, size_t without_count,
		      void (*fn)(pid_t pid, void *user), void *user);

#endif

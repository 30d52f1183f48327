/*
 * The directory of a NATIVE instance (DIR/spaces/NAME):
 *
 *   package/   the space's files, recipes/ among them; the zhost's own, read only inside
 *   data/      the instance's own directory: where its recipes begin, kept until the undeploy
 *   tmp/       its /tmp
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_FILES_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* Makes the directory again. `list` is a file with lines "MODE DIGEST NAME"; the files are copied
 * out of `cache`. data/ and tmp/ belong to uid (where we are root). 0, or -1 with a text. */
int native_install(const char *directory, const char *list, const char *cache, uid_t uid,
		   char *text, size_t text_size);
/* Lets other users through `top` and the directories below it that `path` lies in, so that a process
 * which is in one of them finds it by a path that does not begin above `top`. 0, or -1 with errno. */
int native_open_way(const char *top, const char *path);
/* Removes the directory and all in it, whatever the instance has made of it: links are not
 * followed, depth does not matter. 0, or -1 with a text. */
int native_remove(const char *directory, char *text, size_t text_size);

#endif

/*
 * The token that this zhost shows to zrms, read when it is needed: another one may have been put in its place.
 *
 *   --token-file FILE, else DIR/credentials/zhost, else what this user knows of zrms' address
 */
#ifndef SAMOZA_ZHOST_UPLINK_TOKEN_SOURCE_H
#define SAMOZA_ZHOST_UPLINK_TOKEN_SOURCE_H

#include <stdbool.h>

/* All borrowed; file NULL: none was given. NULL in the place of a source: no token is shown. */
struct token_source {
	const char *file, *dir, *zrms_url;
	bool was_told; /* why there is none: one line for each reason that lasts */
};

/* NULL: there is none. The caller frees, with token_free(). */
char *token_source_read(struct token_source *source);

#endif

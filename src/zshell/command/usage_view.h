/* What a copy of an instance uses and sends, in `spaces status`. */
#ifndef SAMOZA_ZSHELL_COMMAND_USAGE_VIEW_H
#define SAMOZA_ZSHELL_COMMAND_USAGE_VIEW_H

#include "zshell/command/common.h"

/* Of the copy that serves. NULL: its zhost does not say, or it has none; no error. The caller frees the list with
 * view_free(); the view is in it. */
const Samoza__V1__UsageView *usage_of_space(struct shell *shell,
					    const Samoza__V1__SpaceView *space,
					    const char *topology,
					    Samoza__V1__UsageListView **ret_list);
/* Where browsers find the pages of a UI space; the caller frees. NULL: it has none, or is not placed. */
char *page_address(struct shell *shell, const Samoza__V1__SpaceView *space);
/* "Paths:" with counts; nothing where there are none. */
void usage_print_paths(const struct output *o, const Samoza__V1__UsageView *usage);

#endif

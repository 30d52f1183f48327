/*
 * Lists: asked of zrms whole or in part, and printed.
 *
 *   spaces list --zhost n1 --state failed  ─►  GET /v1/spaces?zhost=n1&state=failed
 */
#ifndef SAMOZA_ZSHELL_COMMAND_LIST_H
#define SAMOZA_ZSHELL_COMMAND_LIST_H

#include "zshell/shell/shell.h"

/* What the options of a list ask for. NULL: any. Each list has some of them. */
struct list_options {
	char *state, *zhost, *topology, *label;
};

#define LIST_OPTION_STATE(states)                                                  \
	{                                                                          \
		.name = "state", .type = CLI_CHOICE,                               \
		.offset = offsetof(struct list_options, state), .choices = states, \
		.value = "STATE", .help = "only those in this state"               \
	}
extern const char *const topology_states[], *const instance_states[], *const zhost_states[];
#define LIST_OPTION_ZHOST                                                               \
	{                                                                               \
		.name = "zhost", .type = CLI_STRING,                                    \
		.offset = offsetof(struct list_options, zhost), .kind = ARGUMENT_ZHOST, \
		.value = "ZHOST", .help = "only those that are placed on this zhost"    \
	}
#define LIST_OPTION_TOPOLOGY                                                                  \
	{                                                                                     \
		.name = "topology", .type = CLI_STRING,                                       \
		.offset = offsetof(struct list_options, topology), .kind = ARGUMENT_TOPOLOGY, \
		.value = "ID", .help = "only those of this topology"                          \
	}
#define LIST_OPTION_LABEL                                                              \
	{                                                                              \
		.name = "label", .type = CLI_STRING,                                   \
		.offset = offsetof(struct list_options, label), .value = "NAME=VALUE", \
		.help = "only those with this label; several "                         \
			"separated by commas: with all"                                \
	}

/*
 * GET of the list at `path`, as `given` asks for it (NULL: whole). Where the format is not a table, prints
 * the answer, and *ret_list is NULL; otherwise the caller prints it, and frees it with view_free().
 */
int list_get(struct shell *shell, const char *path, const struct list_options *given,
	     const ProtobufCMessageDescriptor *type, void **ret_list,
	     struct error **err) must_check;

#endif

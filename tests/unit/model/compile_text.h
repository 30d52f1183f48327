/* Topologies from texts, for tests. */
#ifndef SAMOZA_TESTS_MODEL_COMPILE_TEXT_H
#define SAMOZA_TESTS_MODEL_COMPILE_TEXT_H

#include "model/topology.h"

#define HEAD "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: t}\nspaces:\n"

/* Compiles `text`; NULL when there are findings, which *ret_findings then has as one text. */
struct topology *compile_text(const char *text, char **ret_findings);
/* HEAD and these spaces, which are good. */
struct topology *compile_good(const char *spaces);

#endif

/*
 * What the YAML and the JSON parser make, and the reader (read.h) takes: one tree of scalars,
 * lists and mappings, each with its place in the text. Private to src/schema.
 */
#ifndef SAMOZA_SCHEMA_NODE_H
#define SAMOZA_SCHEMA_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diagnostics.h"
#include "base/error.h"
#include "base/vector.h"

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAPPING,
	NODE_INVALID, /* reported already: nothing more is said about it */
};

struct node {
	enum node_kind kind;
	bool quoted; /* a scalar that is text whatever it looks like */
	unsigned line, column;
	union {
		const char *text;    /* NODE_SCALAR: UTF-8 without NUL, ended by one */
		struct node **items; /* NODE_LIST: values; NODE_MAPPING: key, value, key, ... */
	};
	size_t size; /* bytes of text, or number of items */
};

struct tree_chunk;

/* All nodes and their texts live as long as the tree. */
struct tree {
	struct node *root; /* NULL: nothing in the text */
	bool is_wiped;	   /* its texts are, with it */
	bool incomplete;   /* the text has an error of syntax: this is what stood before */
	size_t node_count;
	struct tree_chunk *chunks;
	size_t chunk_left;
	/* While parsing: the items of all open lists and mappings, innermost last. */
	VECTOR(struct node *) pending;
	VECTOR(struct tree_frame {
		struct node *node;
		size_t first; /* in pending */
	})
	frames;
};

/* What is wrong with one file, up to a limit. */
struct findings {
	struct diagnostics *list; /* borrowed */
	const char *file;	  /* borrowed; may be NULL */
	size_t count;
	const char *suffix; /* of every message, just now; may be NULL. Borrowed */
};

void finding_add(struct findings *f, unsigned line, unsigned column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void tree_done(struct tree *t);
/* Memory of the tree, aligned for pointers. */
void *tree_allocate(struct tree *t, size_t size);
/* Adds to the innermost open list or mapping, or makes it the root; NULL when there are too
 * many nodes or levels (found and said). `text` is copied for scalars. */
struct node *tree_add(struct tree *t, struct findings *f, enum node_kind kind, unsigned line,
		      unsigned column, const char *text, size_t size);
/* Opens the list or mapping that tree_add has just returned; tree_close closes the innermost.
 */
void tree_open(struct tree *t, struct node *node);
void tree_close(struct tree *t);
void tree_close_all(struct tree *t);

/* Valid UTF-8 without NUL; otherwise one finding, and false. */
bool text_check(const char *text, size_t size, struct findings *f);

/* Both add findings and return false after an error of syntax or a limit; the tree then
 * holds what stood before it. `t` is zeroed by the caller, and the caller's in any case. */
bool yaml_parse(const char *text, size_t size, struct tree *t, struct findings *f);
bool json_parse(const char *text, size_t size, struct tree *t, struct findings *f);

#endif

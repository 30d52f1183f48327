#include "schema/node.h"

#include <stdarg.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/yaml.h"

#define CHUNK_SIZE ((size_t)64 * 1024)

struct tree_chunk {
	struct tree_chunk *next;
	size_t size;
	max_align_t data[];
};

void finding_add(struct findings *f, unsigned line, unsigned column, const char *format, ...)
{
	f->count++;
	if (f->count > SCHEMA_FINDINGS_MAX)
		return;
	if (f->count == SCHEMA_FINDINGS_MAX) {
		diagnostics_add(f->list, f->file, line, column,
				"too many errors: the rest are not listed");
		return;
	}
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(f->list, f->file, line, column, "%s%s", message,
			f->suffix != NULL ? f->suffix : "");
}

void tree_done(struct tree *t)
{
	while (t->chunks != NULL) {
		struct tree_chunk *next = t->chunks->next;
		if (t->is_wiped)
			explicit_bzero(t->chunks->data, t->chunks->size);
		free(t->chunks);
		t->chunks = next;
	}
	vector_done(&t->pending);
	vector_done(&t->frames);
	*t = (struct tree){0};
}

void *tree_allocate(struct tree *t, size_t size)
{
	size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	if (size > t->chunk_left) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		struct tree_chunk *chunk = mem_calloc(1, sizeof(*chunk) + room);
		chunk->next = t->chunks;
		chunk->size = room;
		t->chunks = chunk;
		t->chunk_left = room;
	}
	char *end = (char *)t->chunks->data + t->chunks->size;
	char *result = end - t->chunk_left;
	t->chunk_left -= size;
	return result;
}

struct node *tree_add(struct tree *t, struct findings *f, enum node_kind kind, unsigned line,
		      unsigned column, const char *text, size_t size)
{
	if (t->node_count >= SCHEMA_NODES_MAX) {
		finding_add(f, line, column, "more than %d values", SCHEMA_NODES_MAX);
		return NULL;
	}
	bool deep = kind == NODE_LIST || kind == NODE_MAPPING;
	if (deep && t->frames.count >= SCHEMA_DEPTH_MAX) {
		finding_add(f, line, column, "nested deeper than %d levels", SCHEMA_DEPTH_MAX);
		return NULL;
	}
	struct node *node = tree_allocate(t, sizeof(*node));
	*node = (struct node){.kind = kind, .line = line, .column = column};
	if (kind == NODE_SCALAR) {
		char *copy = tree_allocate(t, size + 1);
		memcpy(copy, text, size);
		copy[size] = '\0';
		node->text = copy;
		node->size = size;
	}
	t->node_count++;
	if (t->frames.count > 0)
		vector_push(&t->pending, node);
	else if (t->root == NULL)
		t->root = node;
	return node;
}

void tree_open(struct tree *t, struct node *node)
{
	PRE(node->kind == NODE_LIST || node->kind == NODE_MAPPING);
	vector_push(&t->frames, ((struct tree_frame){node, t->pending.count}));
}

void tree_close(struct tree *t)
{
	struct tree_frame frame = *vector_last(&t->frames);
	t->frames.count--;
	size_t count = t->pending.count - frame.first;
	if (frame.node->kind == NODE_MAPPING)
		count &= ~(size_t)1; /* a key whose value was never read */
	frame.node->size = count;
	frame.node->items = tree_allocate(t, count * sizeof(struct node *));
	if (count > 0)
		memcpy(frame.node->items, t->pending.items + frame.first,
		       count * sizeof(struct node *));
	t->pending.count = frame.first;
}

void tree_close_all(struct tree *t)
{
	while (t->frames.count > 0)
		tree_close(t);
}

bool text_check(const char *text, size_t size, struct findings *f)
{
	unsigned line = 1, column = 1;
	for (size_t i = 0; i < size;) {
		uint32_t code = (unsigned char)text[i];
		bool valid = true;
		i += code < 0x80 ? 1 : text_next(text + i, size - i, &code, &valid);
		if (!valid || code == 0) {
			finding_add(f, line, column,
				    code == 0 ? "a NUL byte: this is not a text file"
					      : "byte 0x%02x is not valid UTF-8",
				    code);
			return false;
		}
		column++;
		if (code == '\n') {
			line++;
			column = 1;
		}
	}
	return true;
}

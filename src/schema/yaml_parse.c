#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "base/check.h"
#include "schema/node.h"

#define LINE(mark)   ((unsigned)(mark).line + 1)
#define COLUMN(mark) ((unsigned)(mark).column + 1)

static void yaml_parser_cleanup(yaml_parser_t *parser)
{
	yaml_parser_delete(parser);
}

/* Where the last quoted text that spans several lines begins and ends. An unclosed quote ends at
 * the next quote, and only what follows there is wrong. */
struct long_quote {
	struct node *node; /* NULL: there is none */
	yaml_mark_t begin, end;
};

static bool is_long_quote(const yaml_event_t *event)
{
	if (event->type != YAML_SCALAR_EVENT || event->start_mark.line == event->end_mark.line)
		return false;
	return event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
	       event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static bool unclosed_quote(const yaml_parser_t *parser, const struct long_quote *quote,
			   struct findings *f)
{
	yaml_mark_t at = parser->context_mark;
	if (parser->context != NULL &&
	    strcmp(parser->context, "while scanning a quoted scalar") == 0 &&
	    parser->problem != NULL && strstr(parser->problem, "end of stream") != NULL) {
		finding_add(f, LINE(at), COLUMN(at),
			    "not valid YAML: the quote that begins here is not closed");
		return true;
	}
	if (quote->node == NULL || parser->problem_mark.line != quote->end.line)
		return false;
	quote->node->kind = NODE_INVALID; /* nothing else is said about what it swallowed */
	finding_add(
		f, LINE(quote->begin), COLUMN(quote->begin),
		"not valid YAML: the quote that begins here is closed only on line %u: is one "
		"missing?",
		LINE(quote->end));
	return true;
}

static void syntax_error(const yaml_parser_t *parser, const char *text, size_t size,
			 const struct long_quote *quote, struct findings *f)
{
	yaml_mark_t at = parser->problem_mark;
	if (unclosed_quote(parser, quote, f))
		return;
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
	if (at.index < size && text[at.index] == '\t') {
		finding_add(f, LINE(at), COLUMN(at),
			    "a tab is not allowed here: indent YAML with spaces");
		return;
	}
	if (parser->context != NULL)
		finding_add(f, LINE(at), COLUMN(at), "not valid YAML: %s, %s", parser->context,
			    problem);
	else
		finding_add(f, LINE(at), COLUMN(at), "not valid YAML: %s", problem);
}

/* Anchors and tags are refused wherever they stand; the value is read nevertheless. */
static void check_properties(const yaml_mark_t at, const yaml_char_t *anchor,
			     const yaml_char_t *tag, struct findings *f)
{
	if (anchor != NULL)
		finding_add(f, LINE(at), COLUMN(at),
			    "anchors are not allowed: write the value out where it is needed");
	if (tag != NULL)
		finding_add(f, LINE(at), COLUMN(at), "tags are not allowed");
}

static bool add_scalar(const yaml_event_t *event, struct tree *t, struct long_quote *quote,
		       struct findings *f)
{
	yaml_mark_t at = event->start_mark;
	const char *text = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;
	check_properties(at, event->data.scalar.anchor, event->data.scalar.tag, f);
	enum node_kind kind = NODE_SCALAR;
	if (memchr(text, '\0', size) != NULL) {
		finding_add(f, LINE(at), COLUMN(at), "text with a NUL character");
		kind = NODE_INVALID;
	}
	struct node *node = tree_add(t, f, kind, LINE(at), COLUMN(at), text, size);
	if (node == NULL)
		return false;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (is_long_quote(event))
		*quote = (struct long_quote){node, event->start_mark, event->end_mark};
	return true;
}

static bool add_collection(enum node_kind kind, yaml_mark_t at, struct tree *t,
			   struct findings *f)
{
	struct node *node = tree_add(t, f, kind, LINE(at), COLUMN(at), NULL, 0);
	if (node == NULL)
		return false;
	tree_open(t, node);
	return true;
}

/* Whether to continue. */
static bool take_event(const yaml_event_t *event, struct tree *t, struct long_quote *quote,
		       struct findings *f)
{
	yaml_mark_t at = event->start_mark;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return add_scalar(event, t, quote, f);
	case YAML_SEQUENCE_START_EVENT:
		check_properties(at, event->data.sequence_start.anchor,
				 event->data.sequence_start.tag, f);
		return add_collection(NODE_LIST, at, t, f);
	case YAML_MAPPING_START_EVENT:
		check_properties(at, event->data.mapping_start.anchor,
				 event->data.mapping_start.tag, f);
		return add_collection(NODE_MAPPING, at, t, f);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		tree_close(t);
		return true;
	case YAML_ALIAS_EVENT:
		finding_add(f, LINE(at), COLUMN(at),
			    "aliases are not allowed: write the value out where it is needed");
		return tree_add(t, f, NODE_INVALID, LINE(at), COLUMN(at), NULL, 0) != NULL;
	case YAML_DOCUMENT_START_EVENT:
		if (t->root == NULL)
			return true;
		finding_add(f, LINE(at), COLUMN(at), "a second document: only one is allowed");
		return false;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	}
	IMPOSSIBLE("all events of libyaml are listed");
}

bool yaml_parse(const char *text, size_t size, struct tree *t, struct findings *f)
{
	CLEANUP(yaml_parser_cleanup) yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		out_of_memory(1, sizeof(parser));
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	struct long_quote quote = {0};
	bool complete = true;
	for (bool end = false; !end && complete;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			if (parser.error == YAML_MEMORY_ERROR)
				out_of_memory(1, size);
			syntax_error(&parser, text, size, &quote, f);
			complete = false;
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		complete = take_event(&event, t, &quote, f);
		yaml_event_delete(&event);
	}
	t->incomplete = !complete;
	tree_close_all(t);
	return complete;
}

#include "zrms/mask.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"

#define TEXT_MAX	(1024 * 1024)
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define PATH_CHARACTERS NAME_CHARACTERS "/#@ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static bool is_hidden(const struct control *control, const struct principal *reader,
		      const char *text, size_t size)
{
	CLEANUP(freep) char *name = mem_strndup(text, size);
	return control_hides(control, reader, name);
}

/* Whether a text has that word, as a whole. */
static bool has_word(const char *in, const char *word, size_t size)
{
	while (in != NULL && *in != '\0') {
		size_t length = strspn(in, NAME_CHARACTERS);
		if (length == size && strncmp(in, word, size) == 0)
			return true;
		in += length > 0 ? length : 1;
	}
	return false;
}

char *mask_text(const struct control *control, const struct principal *reader, const char *text,
		const char *said)
{
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(TEXT_MAX);
	bool any = false;
	int r = 0;
	while (*text != '\0' && r == 0) {
		size_t word = strspn(text, NAME_CHARACTERS);
		size_t other = word == 0 ? strcspn(text, NAME_CHARACTERS) : 0;
		if (word > 0 && is_hidden(control, reader, text, word) &&
		    !has_word(said, text, word)) {
			any = true;
			r = buffer_add_string(&out, "another topology");
			text += word;
			text += *text == '/' ? strspn(text, PATH_CHARACTERS) : 0;
			continue;
		}
		r = buffer_add(&out, text, word + other);
		text += word + other;
	}
	return any && r == 0 ? buffer_steal(&out) : NULL;
}

/* What zrms itself defines is nobody's name, though a topology may have the same. */
static bool is_a_code(const ProtobufCFieldDescriptor *field)
{
	return str_equal(field->name, "failure_code");
}

static void mask_string(const struct control *control, const struct principal *reader,
			const ProtobufCFieldDescriptor *field, char **string)
{
	if (*string == NULL || *string == field->default_value || is_a_code(field))
		return;
	char *masked = mask_text(control, reader, *string, NULL);
	if (masked == NULL)
		return;
	free(*string);
	*string = masked;
}

static void mask_field(const struct control *control, const struct principal *reader,
		       const ProtobufCFieldDescriptor *field, void *member, size_t count)
{
	char **strings = member;
	ProtobufCMessage **messages = member;
	for (size_t k = 0; k < count; k++) {
		if (field->type == PROTOBUF_C_TYPE_STRING)
			mask_string(control, reader, field, &strings[k]);
		else if (field->type == PROTOBUF_C_TYPE_MESSAGE && messages[k] != NULL)
			mask_message(control, reader, messages[k]);
	}
}

void mask_message(const struct control *control, const struct principal *reader,
		  ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	if (reader == NULL)
		return;
	for (unsigned k = 0; k < type->n_fields; k++) {
		const ProtobufCFieldDescriptor *field = &type->fields[k];
		char *member = (char *)message + field->offset;
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			mask_field(control, reader, field, *(void **)member,
				   *(size_t *)((char *)message + field->quantifier_offset));
		else
			mask_field(control, reader, field, member, 1);
	}
}

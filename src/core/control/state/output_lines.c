#include "core/control/state/output_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/memory.h"
#include "base/str.h"

/* What zrun and zhost say of an end; ": " and the last lines follow ([lifecycle.failure.last-error]). */
static const char *const ends[] = {"exit status ", "killed by signal ", "timed out after ",
				   "out of memory"};
#define BEFORE_LINES ": "
#define RECORDED     "(output "

size_t output_lines_begin(const char *text)
{
	size_t first = strlen(text);
	for (size_t k = 0; k < ARRAY_SIZE(ends); k++) {
		const char *end = strstr(text, ends[k]);
		const char *lines = end != NULL ? strstr(end, BEFORE_LINES) : NULL;
		size_t begin =
			lines != NULL ? (size_t)(lines - text) + strlen(BEFORE_LINES) : first;
		if (begin < first)
			first = begin;
	}
	return first;
}

static bool bytes_have(const uint8_t *data, size_t size, const char *text)
{
	size_t length = strlen(text);
	const uint8_t *at = data;
	while (size >= length) {
		const uint8_t *found = memchr(at, text[0], size - length + 1);
		if (found == NULL)
			return false;
		if (memcmp(found, text, length) == 0)
			return true;
		size -= (size_t)(found - at) + 1;
		at = found + 1;
	}
	return false;
}

bool output_lines_may_be_in(const void *data, size_t size)
{
	for (size_t k = 0; k < ARRAY_SIZE(ends); k++)
		if (bytes_have(data, size, ends[k]))
			return true;
	return false;
}

char *output_lines_masked(const char *text, enum output_lines_treatment treatment)
{
	if (text == NULL)
		return NULL;
	size_t begin = output_lines_begin(text);
	const char *lines = text + begin;
	if (*lines == '\0' ||
	    (treatment == OUTPUT_LINES_DIGEST && str_has_prefix(lines, RECORDED)))
		return mem_strdup(text);
	if (treatment == OUTPUT_LINES_CUT)
		return mem_strndup(text, begin);
	return str_printf("%.*s" RECORDED "%016" PRIx64 ")", (int)begin, text,
			  fingerprint_text(FINGERPRINT_NONE, lines));
}

static void mask_text(char **text, const char *default_value,
		      enum output_lines_treatment treatment)
{
	if (*text == NULL || *text == default_value ||
	    (*text)[output_lines_begin(*text)] == '\0')
		return;
	char *masked = output_lines_masked(*text, treatment);
	free(*text);
	*text = masked;
}

static void mask_one(const ProtobufCFieldDescriptor *field, void *member,
		     enum output_lines_treatment treatment)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		mask_text(member, field->default_value, treatment);
	else if (field->type == PROTOBUF_C_TYPE_MESSAGE && *(void **)member != NULL)
		output_lines_mask(*(ProtobufCMessage **)member, treatment);
}

void output_lines_mask(ProtobufCMessage *message, enum output_lines_treatment treatment)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	for (unsigned k = 0; k < type->n_fields; k++) {
		const ProtobufCFieldDescriptor *field = &type->fields[k];
		char *at = (char *)message + field->offset;
		const unsigned *quantifier =
			(const unsigned *)((const char *)message + field->quantifier_offset);
		bool is_one_of = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
		if (field->type != PROTOBUF_C_TYPE_STRING &&
		    field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (is_one_of && *quantifier != field->id)
			continue;
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			mask_one(field, at, treatment);
			continue;
		}
		size_t count =
			*(const size_t *)((const char *)message + field->quantifier_offset);
		void **items = *(void ***)at;
		for (size_t n = 0; n < count; n++)
			mask_one(field, &items[n], treatment);
	}
}

/* Frames between zhost and zrun, and the variable parts of their bodies. */
#include "base/check.h"
#include "target.h"
#include "zrun/protocol/protocol.h"

static void read_update(struct zrun_cursor *c)
{
	struct zrun_update update;
	struct zrun_import import;
	const char *text;
	if (!zrun_take(c, &update, sizeof(update)))
		return;
	for (uint32_t i = 0; i < update.count; i++) {
		if (!zrun_take(c, &import, sizeof(import)) ||
		    !zrun_take_bytes(c, &text, import.name_size) ||
		    !zrun_take_bytes(c, &text, import.value_size))
			return;
	}
}

static void read_message(struct zrun_cursor *c)
{
	struct zrun_message message;
	const char *from;
	if (zrun_take(c, &message, sizeof(message)))
		(void)zrun_take_bytes(c, &from, message.from_size);
}

static void read_exec(const uint8_t *body, size_t size)
{
	struct zrun_exec exec;
	const char *words, *term;
	if (!zrun_exec_parse(body, size, &exec, &words, &term))
		return;
	/* The words can be walked as zrun walks them. */
	uint32_t count = 0;
	for (const char *at = words; at < words + exec.words_size; at += strlen(at) + 1)
		count++;
	INVARIANT(count == exec.words_count && count > 0);
	INVARIANT(term + exec.term_size <= (const char *)body + size);
}

static void read_body(const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_hello hello;
	if (frame->type == ZRUN_EXEC)
		read_exec(body, frame->size);
	if (frame->type == ZRUN_UPDATE)
		read_update(&c);
	else if (frame->type == ZRUN_MESSAGE)
		read_message(&c);
	else
		(void)zrun_take(&c, &hello, sizeof(hello));
	INVARIANT(c.at + c.left == body + frame->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zrun_frame frame;
	const uint8_t *body;
	size_t need;
	while (zrun_frame_parse(data, size, &frame, &body, &need) == 1) {
		INVARIANT(need <= size);
		read_body(&frame, body);
		data += need;
		size -= need;
	}
	return 0;
}

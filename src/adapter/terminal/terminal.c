#include "adapter/terminal/terminal.h"

#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

size_t terminal_width(const char *text)
{
	size_t width = 0, size = strlen(text);

	for (size_t i = 0; i < size;) {
		uint32_t code;
		bool valid;
		int columns;

		i += text_next(text + i, size - i, &code, &valid);
		columns = wcwidth((wchar_t)code);
		width += columns > 0 ? (size_t)columns : 0;
	}
	return width;
}

size_t terminal_columns(int fd)
{
	struct winsize size = {0};

	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

char *terminal_break(const char *text, size_t columns, size_t indent)
{
	struct buffer out = BUFFER_INIT(64u * 1024 * 1024);
	size_t column = 0;

	if (columns == 0)
		return mem_strdup(text);
	indent = indent < columns / 2 ? indent : 0;
	while (*text != '\0') {
		size_t gap = strspn(text, " ");
		size_t size = strcspn(text + gap, " ");
		CLEANUP(freep) char *word = mem_strndup(text + gap, size);
		size_t width = terminal_width(word);

		if (column > indent && column + gap + width > columns) {
			(void)buffer_printf(&out, "\n%*s", (int)indent, "");
			column = indent;
		} else {
			(void)buffer_printf(&out, "%*s", (int)gap, "");
			column += gap;
		}
		(void)buffer_add_string(&out, word);
		column += width;
		text += gap + size;
	}
	return out.data != NULL ? buffer_steal(&out) : mem_strdup("");
}

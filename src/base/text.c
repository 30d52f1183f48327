#include "base/text.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence that `lead` begins and the bits of the code in it; 0: none. */
static size_t sequence_length(unsigned char lead, uint32_t *ret_bits)
{
	if (lead >= 0xc2 && lead <= 0xdf) {
		*ret_bits = lead & 0x1fu;
		return 2;
	}
	if (lead >= 0xe0 && lead <= 0xef) {
		*ret_bits = lead & 0x0fu;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*ret_bits = lead & 0x07u;
		return 4;
	}
	return 0;
}

size_t text_next(const char *s, size_t size, uint32_t *ret_code, bool *ret_valid)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)s[0];
	uint32_t code = lead;
	size_t length;

	*ret_code = lead;
	*ret_valid = lead < 0x80;
	if (lead < 0x80)
		return 1;
	length = sequence_length(lead, &code);
	if (length == 0 || length > size)
		return 1;
	for (size_t i = 1; i < length; i++) {
		if (!is_continuation(s[i]))
			return 1;
		code = code << 6 | ((unsigned char)s[i] & 0x3fu);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 1;
	*ret_code = code;
	*ret_valid = true;
	return length;
}

bool text_is_printable(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return false;
	/* Zero width, marks of direction, separators; embeddings; isolates; BOM; tags. */
	return !((code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
		 (code >= 0x2060 && code <= 0x206f) || code == 0x061c || code == 0xfeff ||
		 (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f));
}

static int add_unprintable(struct buffer *out, uint32_t code, bool valid)
{
	if (code == '\n')
		return buffer_add_string(out, "\\n");
	if (code == '\t')
		return buffer_add_string(out, "\\t");
	if (code == '\r')
		return buffer_add_string(out, "\\r");
	if (!valid || code < 0x80)
		return buffer_printf(out, "\\x%02x", code);
	return buffer_printf(out, "\\u{%x}", code);
}

/* How many bytes stand there as they are: nearly all of nearly every text. */
static size_t ascii_run(const char *s, size_t size, bool quoted)
{
	size_t n = 0;
	while (n < size && s[n] >= 0x20 && s[n] < 0x7f &&
	       !(quoted && (s[n] == '"' || s[n] == '\\')))
		n++;
	return n;
}

/* With `quoted`, \ and " are escaped too. */
static void escape(struct buffer *out, const char *s, size_t size, bool quoted)
{
	int r = 0;

	for (size_t i = 0, n; i < size && r == 0; i += n) {
		uint32_t code;
		bool valid;

		n = ascii_run(s + i, size - i, quoted);
		if (n > 0) {
			r = buffer_add(out, s + i, n);
			continue;
		}
		n = text_next(s + i, size - i, &code, &valid);
		if (!valid || !text_is_printable(code))
			r = add_unprintable(out, code, valid);
		else if (quoted && (code == '"' || code == '\\'))
			r = buffer_printf(out, "\\%c", (char)code);
		else
			r = buffer_add(out, s + i, n);
	}
}

void text_escape_n(struct buffer *out, const char *s, size_t size)
{
	escape(out, s, size, false);
}

void text_escape(struct buffer *out, const char *s)
{
	escape(out, s, strlen(s), false);
}

char *text_escaped(const char *s)
{
	struct buffer out;

	if (s == NULL)
		return NULL;
	/* Each byte becomes at most ten ("\u{10ffff}" for four). */
	out = BUFFER_INIT(strlen(s) * 10 + 1);
	text_escape(&out, s);
	return buffer_steal(&out);
}

/* Letters, digits and what stands in names, addresses, versions and amounts. */
static bool is_plain(const char *s)
{
	static const bool plain[256] = {
		['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['_'] = true,
		['-'] = true,	      ['.'] = true,	    ['/'] = true,	  [':'] = true,
		['@'] = true,	      ['+'] = true,	    [','] = true,	  ['%'] = true,
		['#'] = true,	      ['~'] = true,	    ['['] = true,	  [']'] = true,
	};
	size_t n = 0;

	while (plain[(unsigned char)s[n]])
		n++;
	return n > 0 && s[n] == '\0';
}

void text_quote(struct buffer *out, const char *s)
{
	if (is_plain(s)) {
		(void)buffer_add_string(out, s);
		return;
	}
	(void)buffer_add(out, "\"", 1);
	escape(out, s, strlen(s), true);
	(void)buffer_add(out, "\"", 1);
}

#include "zhost/edge/file_type.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/str.h"

static const struct {
	const char *extension, *type;
} types[] = {
	{"html", "text/html; charset=utf-8"},
	{"htm", "text/html; charset=utf-8"},
	{"css", "text/css; charset=utf-8"},
	{"js", "text/javascript; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"map", "application/json"},
	{"webmanifest", "application/manifest+json"},
	{"wasm", "application/wasm"},
	{"txt", "text/plain; charset=utf-8"},
	{"md", "text/plain; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"xml", "application/xml"},
	{"svg", "image/svg+xml"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"avif", "image/avif"},
	{"ico", "image/x-icon"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"ttf", "font/ttf"},
	{"otf", "font/otf"},
	{"mp3", "audio/mpeg"},
	{"ogg", "audio/ogg"},
	{"wav", "audio/wav"},
	{"mp4", "video/mp4"},
	{"webm", "video/webm"},
	{"pdf", "application/pdf"},
};

const char *file_type(const char *name)
{
	const char *base = strrchr(name, '/');
	const char *dot = strrchr(base != NULL ? base : name, '.');

	for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(types); i++)
		if (strcasecmp(dot + 1, types[i].extension) == 0)
			return types[i].type;
	return "application/octet-stream";
}

char *file_of_url(const char *text)
{
	size_t size = strlen(text);
	const char *part = text;

	while (*part != '\0') {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return NULL;
		part += n;
		if (*part == '/')
			part++;
	}
	if (size == 0 || text[size - 1] == '/')
		return str_printf("%sindex.html", text);
	return mem_strdup(text);
}

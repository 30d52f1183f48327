/* HTTP: the target of a request, matched against patterns; a response in pieces of any size. */
#include <string.h>

#include "adapter/http/message.h"
#include "adapter/http/target.h"
#include "base/check.h"
#include "base/memory.h"
#include "target.h"

static void match(const struct http_target *target, const char *pattern)
{
	struct http_match found = {0};
	if (http_pattern_match(pattern, target, &found))
		http_match_done(&found);
}

static void read_target(const char *text)
{
	struct http_target target = {0};
	struct error *err = NULL;
	if (http_target_parse(&target, text, &err) < 0) {
		INVARIANT(err != NULL);
		error_free(err);
		return;
	}
	match(&target, "/v1/topologies/{id}");
	match(&target, "/v1/topologies/{id}/spaces/{path...}");
	match(&target, "/{path...}");
	http_target_done(&target);
}

/* `step`: bytes that arrive at a time. */
static void read_response(const char *data, size_t size, size_t step)
{
	struct http_response response;
	struct http_part part;
	http_response_init(&response);
	size_t used = 0, there = 0, body = 0;
	int r = 0;
	while (r == 0 && there < size) {
		there = there + step < size ? there + step : size;
		do {
			r = http_response_take(&response, data + used, there - used, &part,
					       NULL);
			if (r < 0)
				break;
			INVARIANT(part.used <= there - used);
			used += part.used;
			body += part.type == HTTP_PART_BODY ? part.size : 0;
		} while (part.type != HTTP_PART_NONE && part.type != HTTP_PART_END);
		if (r == 0 && part.type == HTTP_PART_END)
			break;
	}
	INVARIANT(body <= size);
	http_response_done(&response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_memdup(data, size);
	read_target(text);
	read_response(text, size, size);
	read_response(text, size, 1);
	return 0;
}

/*
 * Request targets: "/v1/topologies/my-app/spaces/api-2%2Fcache?lines=10", and the patterns that
 * they are matched with. Pure.
 */
#ifndef SAMOZA_ADAPTER_HTTP_TARGET_H
#define SAMOZA_ADAPTER_HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vector.h"

enum { TARGET_SEGMENTS_MAX = 128, TARGET_QUERY_MAX = 32 };

struct http_pair {
	char *name, *value;
};

struct http_target {
	char *raw;		 /* as it was sent */
	char *raw_path;		 /* before '?' */
	VECTOR(char *) segments; /* decoded; "/a/b/" gives "a", "b", "" */
	VECTOR(struct http_pair) query;
};

/* ERR_INVALID: no leading '/', wrong percent-encoding, not UTF-8, control characters, "." and
 * ".." as segments, a query parameter twice, too many of either. Then *target holds nothing. */
int http_target_parse(struct http_target *target, const char *text,
		      struct error **err) must_check;
void http_target_done(struct http_target *target);

struct http_match {
	VECTOR(struct http_pair) params; /* name, and value with '/' between its segments */
};

/* Whether the path matches; then fills *match (which must be empty). Patterns: see http.h. */
bool http_pattern_match(const char *pattern, const struct http_target *target,
			struct http_match *match);
void http_match_done(struct http_match *match);

/* "%41b+" is "Ab+" (with `plus`: '+' is a space). ERR_INVALID as http_target_parse(). */
int http_percent_decode(const char *text, size_t size, bool plus, char **ret_text,
			struct error **err) must_check;

#endif

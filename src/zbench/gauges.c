#include "zbench/gauges.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static int value_of(const char *text, const char *name, uint64_t *ret_value, struct error **err)
{
	size_t size = strlen(name);
	for (const char *at = text; (at = strstr(at, name)) != NULL; at += size) {
		if ((at != text && at[-1] != '\n') || at[size] != ' ')
			continue;
		*ret_value = strtoull(at + size + 1, NULL, 10);
		return 0;
	}
	return error_set(err, ERR_INVALID, "the metrics of zrms have no %s", name);
}

int gauges_parse(const char *text, struct gauges *ret_gauges, struct error **err)
{
	struct gauges g = {0};
	const struct {
		const char *name;
		uint64_t *value;
	} names[] = {
		{"samoza_zhosts{state=\"deployed-started\"}", &g.zhosts_up},
		{"samoza_zhosts{state=\"problem\"}", &g.zhosts_lost},
		{"samoza_topologies{state=\"running\"}", &g.topologies_running},
		{"samoza_spaces{state=\"deployed-started\"}", &g.spaces_started},
		{"samoza_recoveries_total", &g.recoveries},
	};
	int r = 0;
	for (size_t k = 0; k < ARRAY_SIZE(names) && r == 0; k++)
		r = value_of(text, names[k].name, names[k].value, err);
	if (r == 0)
		*ret_gauges = g;
	return r;
}

int gauges_read(struct client *client, struct gauges *ret_gauges, struct error **err)
{
	CLEANUP(answer_done) struct answer answer = {0};
	uint64_t begin = now_ns();
	int r = client_request(client, "GET", "/metrics", NULL, 0, &answer, err);
	double answer_s = seconds_between(begin, now_ns());
	if (r == 0 && answer.status != 200)
		r = error_set(err, ERR_INVALID, "GET /metrics was answered with %d",
			      answer.status);
	if (r == 0)
		r = gauges_parse(answer.body.data, ret_gauges, err);
	if (r == 0)
		ret_gauges->answer_s = answer_s;
	return r;
}

#include "zshell/command/zhost_text.h"

#include <inttypes.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/shell/resolve.h"

char *zhost_state_text(const Samoza__V1__ZhostView *z)
{
	const Samoza__V1__DrainView *d = z->drain;
	const char *mark = d == NULL			    ? "cordoned"
			   : str_equal(d->state, "ended")   ? "cordoned, drain ended"
			   : str_equal(d->state, "drained") ? "cordoned, drained"
							    : "cordoned, draining";
	bool has_failed = z->made != NULL && z->made->error != NULL;
	return str_printf("%s%s%s%s", state_shown(z->state), z->cordoned ? ", " : "",
			  z->cordoned ? mark : "", has_failed ? ", driver failed" : "");
}

char *zhost_labels_text(const Samoza__V1__ZhostView *z, const char *between)
{
	struct buffer out = BUFFER_INIT(1 << 20);

	(void)buffer_add_string(&out, "");
	for (size_t i = 0; i < z->n_labels; i++)
		(void)buffer_printf(&out, "%s%s=%s", i > 0 ? between : "", z->labels[i]->name,
				    z->labels[i]->value);
	return buffer_steal(&out);
}

char *zhost_load_text(const Samoza__V1__AmountView *a, char *(*text)(uint64_t),
		      const char *between)
{
	CLEANUP(freep) char *reserved = text(a->reserved);
	CLEANUP(freep) char *total = text(a->total);

	return str_printf("%s%s%s", reserved, between, total);
}

#define LEFT_SHOWN 10

void print_left(const struct output *o, const Samoza__V1__DrainView *d)
{
	for (size_t k = 0; k < d->n_left && k < LEFT_SHOWN; k++) {
		CLEANUP(freep)
		char *text = str_printf("%s: %s", d->left[k]->name, d->left[k]->why);
		output_block(o, 10, (const struct output_pair[]){{"Left", text}, {0}});
	}
	if (d->left_count > LEFT_SHOWN)
		output_line(o, "  and %" PRIu32 " more", d->left_count - LEFT_SHOWN);
}

char *rebalance_text(const Samoza__V1__ClusterView *view)
{
	const Samoza__V1__RebalanceProgressView *r = view->rebalance;
	if (r == NULL)
		return NULL;
	return str_printf("under way, asked for by %s at %s: %" PRIu32 " moved, %" PRIu32
			  " under way, %" PRIu32 " waiting%s%s",
			  r->by, r->since, r->moved, r->under_way, r->waiting,
			  r->stopped_by != NULL ? "; stopped by " : "",
			  r->stopped_by != NULL ? r->stopped_by : "");
}

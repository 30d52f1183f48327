#include "zshell/command/zhost_text.h"

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/shell/resolve.h"

char *zhost_state_text(const Samoza__V1__ZhostView *z)
{
	return str_printf("%s%s", state_shown(z->state), z->cordoned ? ", cordoned" : "");
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

#include "core/control/machine/driver_lists.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/machine/driver_calls.h"

enum {
	PREFIX_SIZE = 8,
	STRANGERS_MAX = 1000, /* that are said in one life of zrms */
	KEY_MAX = 128,
};

char *driver_key_new(struct control *c)
{
	return str_printf("%.*s-%llu", PREFIX_SIZE, c->cluster,
			  (unsigned long long)c->next_epoch++);
}

static bool is_ours(const struct control *c, const char *key)
{
	return strncmp(key, c->cluster, PREFIX_SIZE) == 0 && key[PREFIX_SIZE] == '-' &&
	       strlen(key) <= KEY_MAX;
}

static bool is_known(const struct control *c, const char *key)
{
	made_zhost_for_each(&c->made, m) if (str_equal(m->record->key, key)) return true;
	return false;
}

static bool was_said(const struct control *c, const char *key)
{
	vector_for_each (&c->made.strangers, said)
		if (str_equal(*said, key))
			return true;
	return false;
}

static void say_stranger(struct control *c, const char *driver, const char *key)
{
	if (!is_ours(c, key) || is_known(c, key) || was_said(c, key) ||
	    c->made.strangers.count >= STRANGERS_MAX)
		return;
	vector_push(&c->made.strangers, mem_strdup(key));
	CLEANUP(freep)
	char *cause =
		str_printf("it keeps the machine %s of this cluster, which the cluster does "
			   "not know; it has to be destroyed there",
			   key);
	emit_event(&c->emitter, "driver", driver, NULL, NULL, NULL, cause);
}

static bool is_listed(const struct control_input *input, const char *key)
{
	for (size_t k = 0; k < input->driver.key_count; k++)
		if (str_equal(input->driver.keys[k], key))
			return true;
	return false;
}

/* Only what stands: of the others a call may be under way. */
static void say_missed(struct control *c, struct made_zhost *m,
		       const struct control_input *input)
{
	if (is_listed(input, m->record->key)) {
		m->is_missed = false;
		return;
	}
	if (m->state != MADE_STANDING || m->is_missed)
		return;
	m->is_missed = true;
	CLEANUP(freep)
	char *cause = str_printf("it has no machine %s any longer, which is that of zhost %s",
				 m->record->key, m->record->name);
	emit_event(&c->emitter, "driver", m->record->driver, NULL, NULL, NULL, cause);
}

static void compare(struct control *c, const char *driver, const struct control_input *input)
{
	if (input->driver.state == DRIVER_FAILED) {
		CLEANUP(freep) char *cause = str_printf("list: %s", input->driver.error);
		emit_event(&c->emitter, "driver", driver, NULL, NULL, NULL, cause);
		return;
	}
	for (size_t k = 0; k < input->driver.key_count; k++)
		say_stranger(c, driver, input->driver.keys[k]);
	made_zhost_for_each(&c->made, m) if (str_equal(m->record->driver, driver))
		say_missed(c, m, input);
}

bool driver_lists_take(struct control *c, const struct control_input *input)
{
	const char *const *all = c->config.drivers;
	for (size_t k = 0; all != NULL && all[k] != NULL; k++) {
		if (c->made.list_calls[k] != input->driver.call)
			continue;
		c->made.list_calls[k] = 0;
		compare(c, all[k], input);
		return true;
	}
	return false;
}

static void ask_all(struct control *c)
{
	const char *const *all = c->config.drivers;
	for (int k = 0; all != NULL && all[k] != NULL; k++)
		if (c->made.list_calls[k] == 0)
			driver_call_list(c, k);
	c->made.list_ms = c->now.mono_ms + DRIVER_LIST_MS;
}

void driver_lists_start(struct control *c)
{
	size_t count = 0;
	while (c->config.drivers != NULL && c->config.drivers[count] != NULL)
		count++;
	c->made.list_calls = mem_new_array(uint64_t, count + 1);
	ask_all(c);
}

void driver_lists_tick(struct control *c)
{
	if (c->now.mono_ms >= driver_lists_next_ms(c))
		ask_all(c);
}

int64_t driver_lists_next_ms(const struct control *c)
{
	bool has_any = c->config.drivers != NULL && c->config.drivers[0] != NULL;
	return has_any ? c->made.list_ms : NEVER_MS;
}

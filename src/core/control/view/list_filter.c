#include "core/control/view/list_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "core/control/state/zhost_state.h"

/* Of an instance: it is not in the state of its goal, and its last error says why. No state of its own:
 * an instance that has failed is `deployed-stopped` or `not-deployed`. */
#define FAILED_NAME "failed"
#define FAILED_BIT  31u

/* ---- states ---- */

static const char *topology_name(unsigned k)
{
	return k < TOPOLOGY_STATE_COUNT ? topology_state_name((enum topology_state)k) : NULL;
}

static const char *instance_name(unsigned k)
{
	if (k == FAILED_BIT)
		return FAILED_NAME;
	return k < INSTANCE_STATE_COUNT ? state_name((enum instance_state)k) : NULL;
}

static const char *zhost_name(unsigned k)
{
	static const uint32_t of_roots = 1u << STATE_NOT_DEPLOYED | 1u << STATE_DEPLOYING |
					 1u << STATE_DEPLOYED_STARTED |
					 1u << STATE_UNDEPLOYING | 1u << STATE_PROBLEM;
	return (of_roots >> k & 1) != 0 ? state_name((enum instance_state)k) : NULL;
}

/* The name that stands for a bit; NULL: none. */
typedef const char *bit_name_fn(unsigned k);

static bit_name_fn *names_of(enum control_list list)
{
	switch (list) {
	case CONTROL_LIST_TOPOLOGIES:
	case CONTROL_LIST_COUNTS:
		return topology_name;
	case CONTROL_LIST_ZHOSTS:
		return zhost_name;
	case CONTROL_LIST_SPACES:
	case CONTROL_LIST_MESH:
		break;
	}
	return instance_name;
}

static int unknown_state(bit_name_fn *name_of, const char *word, struct error **err)
{
	CLEANUP(buffer_done) struct buffer known = BUFFER_INIT(4096);
	for (unsigned k = 0; k < 32; k++)
		if (name_of(k) != NULL)
			(void)buffer_printf(&known, "%s%s", known.size > 0 ? ", " : "",
					    name_of(k));
	return error_set(err, ERR_INVALID, "unknown state '%s': expected one of %s", word,
			 known.data);
}

static int add_state(bit_name_fn *name_of, const char *word, uint32_t *bits, struct error **err)
{
	for (unsigned k = 0; k < 32; k++) {
		if (!str_equal(name_of(k), word))
			continue;
		*bits |= UINT32_C(1) << k;
		return 0;
	}
	return unknown_state(name_of, word, err);
}

/* ---- reading ---- */

static int add_label(struct list_filter *filter, const char *word, struct error **err)
{
	const char *equals = strchr(word, '=');
	if (equals == NULL || equals == word)
		return error_set(err, ERR_INVALID,
				 "invalid label '%s': expected NAME=VALUE, such as region=eu",
				 word);
	*vector_add(&filter->labels) =
		(struct list_filter_label){.name = mem_strndup(word, (size_t)(equals - word)),
					   .value = mem_strdup(equals + 1)};
	return 0;
}

/* The next of the words that commas separate; NULL: none is left. */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *comma = word != NULL ? strchr(word, ',') : NULL;
	if (comma != NULL)
		*comma++ = '\0';
	*rest = comma;
	return word;
}

int list_filter_parse(enum control_list list, const struct list_filter_text *text,
		      struct list_filter *ret_filter, struct error **err)
{
	CLEANUP(freep) char *states = mem_strdup(text->states);
	CLEANUP(freep) char *topology_states = mem_strdup(text->topology_states);
	CLEANUP(freep) char *labels = mem_strdup(text->labels);
	int r = 0;
	*ret_filter = (struct list_filter){.reader = text->reader,
					   .zhost = mem_strdup(text->zhost),
					   .named = mem_strdup(text->named),
					   .prefix = mem_strdup(text->prefix),
					   .path = mem_strdup(text->path)};
	for (char *rest = states, *word; r == 0 && (word = next_word(&rest)) != NULL;)
		r = add_state(names_of(list), word, &ret_filter->states, err);
	for (char *rest = topology_states, *word; r == 0 && (word = next_word(&rest)) != NULL;)
		r = add_state(topology_name, word, &ret_filter->topology_states, err);
	for (char *rest = labels, *word; r == 0 && (word = next_word(&rest)) != NULL;)
		r = add_label(ret_filter, word, err);
	return r;
}

void list_filter_done(struct list_filter *filter)
{
	vector_for_each (&filter->labels, l) {
		free(l->name);
		free(l->value);
	}
	vector_done(&filter->labels);
	free(filter->zhost);
	free(filter->named);
	free(filter->prefix);
	free(filter->path);
	*filter = (struct list_filter){0};
}

/* ---- what is taken ---- */

static bool takes_state(const struct list_filter *filter, unsigned state)
{
	return filter->states == 0 || (filter->states >> state & 1) != 0;
}

static bool has_id_prefix(const struct control_application *a, const char *prefix)
{
	vector_for_each (&a->application.ids, id)
		if (str_has_prefix((*id)->text, prefix))
			return true;
	return false;
}

const struct control_application *list_filter_named(const struct list_filter *filter,
						    const struct application_list *applications)
{
	const struct control_application *a = NULL;
	if (filter->named != NULL)
		a = application_by_id(applications, filter->named);
	if (a == NULL && filter->named != NULL)
		a = application_by_name(applications, filter->named);
	return a;
}

static bool takes_name(const struct list_filter *filter, const struct control_application *a)
{
	if (filter->named != NULL && !str_equal(a->name, filter->named) &&
	    (strlen(filter->named) < CONTROL_ID_PREFIX_MIN || !has_id_prefix(a, filter->named)))
		return false;
	return filter->prefix == NULL || str_has_prefix(a->name, filter->prefix) ||
	       (filter->prefix[0] != '\0' && has_id_prefix(a, filter->prefix));
}

static bool is_visible(const struct list_filter *filter, const struct control_application *a)
{
	return filter->reader == NULL || access_sees(filter->reader, a->name);
}

bool list_filter_takes_topology(const struct list_filter *filter,
				const struct control_application *a)
{
	return is_visible(filter, a) && takes_state(filter, a->state) && takes_name(filter, a);
}

bool list_filter_takes_instances_of(const struct list_filter *filter,
				    const struct control_application *a)
{
	if (!is_visible(filter, a))
		return false;
	if (filter->topology_states != 0 && (filter->topology_states >> a->state & 1) == 0)
		return false;
	if (filter->prefix == NULL)
		return true;
	const char *slash = strchr(filter->prefix, '/');
	if (slash == NULL)
		return str_has_prefix(a->name, filter->prefix);
	size_t n = (size_t)(slash - filter->prefix);
	return strncmp(a->name, filter->prefix, n) == 0 && a->name[n] == '\0';
}

/* "my-app/api" of "my-app/api-2"; what comes before the slash was compared already. */
static bool has_prefix(const struct list_filter *filter, const struct slot_control *sc)
{
	const char *slash = filter->prefix != NULL ? strchr(filter->prefix, '/') : NULL;
	return slash == NULL || str_has_prefix(sc->slot->path, slash + 1);
}

static bool has_failed(const struct slot_control *sc)
{
	return sc->last_error != NULL &&
	       !str_equal(state_name(sc->slot->state), goal_name(sc->slot->goal));
}

bool list_filter_takes_instance(const struct list_filter *filter, const struct slot_control *sc)
{
	const struct control_zhost *z = slot_zhost(sc);
	if (filter->zhost != NULL && (z == NULL || !str_equal(z->name, filter->zhost)))
		return false;
	if (!has_prefix(filter, sc) ||
	    (filter->path != NULL && !str_equal(sc->slot->path, filter->path)))
		return false;
	return takes_state(filter, sc->slot->state) ||
	       ((filter->states >> FAILED_BIT & 1) != 0 && has_failed(sc));
}

static bool has_label(const struct control_zhost *z, const struct list_filter_label *wanted)
{
	for (unsigned k = 0; k < z->spec.labels.count; k++) {
		const struct label *l = &z->spec.labels.items[k];
		if (str_equal(l->name, wanted->name) && str_equal(l->value, wanted->value))
			return true;
	}
	return false;
}

bool list_filter_takes_zhost(const struct list_filter *filter, const struct control_zhost *z,
			     enum instance_state shown)
{
	vector_for_each (&filter->labels, wanted)
		if (!has_label(z, wanted))
			return false;
	return takes_state(filter, shown) &&
	       (filter->prefix == NULL || str_has_prefix(z->name, filter->prefix));
}

static bool gives_label(const Samoza__V1__MachineRecord *r,
			const struct list_filter_label *wanted)
{
	for (size_t k = 0; k < r->n_labels; k++)
		if (str_equal(r->labels[k]->name, wanted->name))
			return str_equal(r->labels[k]->value, wanted->value);
	return false;
}

bool list_filter_takes_made(const struct list_filter *filter, const struct made_zhost *m)
{
	vector_for_each (&filter->labels, wanted)
		if (!gives_label(m->record, wanted))
			return false;
	return takes_state(filter, made_zhost_shown(m)) &&
	       (filter->prefix == NULL || str_has_prefix(m->record->name, filter->prefix));
}

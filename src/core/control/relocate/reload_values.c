#include "core/control/relocate/reload_values.h"

#include "base/str.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/setting_list.h"
#include "core/control/state/state.h"
#include "core/lifecycle/provider_set.h"
#include "model/setting.h"

/* ---- one value ---- */

static const char *exported(const struct slot *provider, const char *name)
{
	const struct copy *copy = serving_copy(control_of_slot(provider));
	for (size_t k = 0; copy != NULL && k < copy->export_count; k++)
		if (str_equal(copy->exports[k].name, name))
			return copy->exports[k].value;
	return NULL;
}

static void note(void *user, struct slot *provider)
{
	struct known_value *known = user;
	const char *value = exported(provider, known->name);
	int at = known->value[0] == NULL ? 0 : 1;
	if (value == NULL || known->value[at] != NULL)
		return;
	known->provider[at] = provider;
	known->value[at] = value;
}

static const struct known_value *find(struct reload_values *values,
				      const struct provider_set *set, const char *name)
{
	vector_for_each (&values->known, known)
		if (known->set == set && str_equal(known->name, name))
			return known;
	struct known_value *known = vector_add(&values->known);
	*known = (struct known_value){.set = set, .name = name};
	provider_set_each_started(set, note, known);
	return known;
}

struct lookup {
	struct reload_values *values;
	const struct copy *copy;
};

/* As settings_value() finds it on its zhost: of the first import of that name whose provider has it. Of a secret the number of
 * its version. */
static const char *value_of(void *user, const char *reference)
{
	const struct lookup *lookup = user;
	const struct copy *copy = lookup->copy;
	const struct declaration *declared = copy->declared;
	if (str_has_prefix(reference, SETTING_SECRET))
		return secret_number_for(copy->unit->application,
					 reference + strlen(SETTING_SECRET));
	size_t size = strcspn(reference, ".");
	for (unsigned k = 0; k < declared->space->import_count; k++) {
		const char *from = declared->space->imports[k].from;
		if (strlen(from) != size || memcmp(from, reference, size) != 0)
			continue;
		const struct known_value *known =
			find(lookup->values, declared->imports[k], reference + size + 1);
		bool is_own = known->provider[0] == copy->sc->slot;
		const char *value = known->value[is_own ? 1 : 0];
		if (value != NULL)
			return value;
	}
	return NULL;
}

void reload_values_done(struct reload_values *values)
{
	vector_done(&values->known);
}

/* ---- copies and units ---- */

static struct settings_sum sum_of(struct reload_values *values, const struct copy *copy)
{
	struct lookup lookup = {values, copy};
	struct setting_list list = setting_list_of(copy);
	struct settings_sum sum = settings_sum(list.items, list.count, value_of, &lookup);
	setting_list_done(&list);
	return sum;
}

static bool has_process(const struct copy *copy)
{
	return copy->heard && copy->phase == SAMOZA__V1__PHASE__PHASE_STARTED &&
	       copy->settings.sum != 0;
}

static enum reload_need need_of(const struct copy *copy, const struct settings_sum *now)
{
	if (!copy->heard)
		return RELOAD_UNHEARD;
	if (!has_process(copy))
		return RELOAD_EQUAL; /* it starts with what there is then */
	if (settings_lose(&copy->settings, now))
		return RELOAD_LACKS;
	return copy->declared->space->reload == RELOAD_BY_RESTART &&
			       now->sum != copy->settings.sum
		       ? RELOAD_DIFFERS
		       : RELOAD_EQUAL;
}

static bool has_settings(const struct copy *copy)
{
	return space_has_settings(copy->declared->space);
}

enum reload_need reload_need_of(struct reload_values *values, const struct copy *copy)
{
	if (!has_settings(copy))
		return RELOAD_EQUAL;
	struct settings_sum now = sum_of(values, copy);
	return need_of(copy, &now);
}

/* One that lacks a value holds the unit: a new copy of it would start without. */
static enum reload_need worse(enum reload_need a, enum reload_need b)
{
	static const int ranks[] = {[RELOAD_EQUAL] = 0,
				    [RELOAD_UNHEARD] = 1,
				    [RELOAD_DIFFERS] = 2,
				    [RELOAD_LACKS] = 3};
	return ranks[a] > ranks[b] ? a : b;
}

enum reload_need reload_need_of_unit(struct reload_values *values,
				     const struct slot_control *root, uint64_t *ret_wanted)
{
	enum reload_need need = root->lost ? RELOAD_UNHEARD : RELOAD_EQUAL;
	uint64_t wanted = 1;
	slot_for_each_below (root->slot, s) {
		const struct copy *copy = serving_copy(control_of_slot(s));
		if (copy == NULL || !has_settings(copy))
			continue;
		struct settings_sum now = sum_of(values, copy);
		need = root->lost ? need : worse(need, need_of(copy, &now));
		if (copy->declared->space->reload == RELOAD_BY_RESTART)
			wanted = (wanted ^ now.sum) * 0x9e3779b97f4a7c15u;
	}
	*ret_wanted = wanted != 0 ? wanted : 1;
	return need;
}

const char *reload_lacking(struct reload_values *values, const struct copy *copy)
{
	struct lookup lookup = {values, copy};
	struct setting_list list = setting_list_of(copy);
	const char *lacking = NULL;
	for (size_t k = 0; k < list.count && lacking == NULL; k++) {
		bool had = (copy->settings.unset & settings_bit(k)) == 0;
		if (had && value_of(&lookup, list.items[k]) == NULL)
			lacking = list.items[k];
	}
	setting_list_done(&list);
	return lacking;
}

/* ---- circles ---- */

typedef VECTOR(const struct slot *) root_list;

static void add_root(root_list *roots, const struct slot *root)
{
	vector_for_each (roots, known)
		if (*known == root)
			return;
	vector_push(roots, root);
}

static void add_providers(struct reload_values *values, root_list *roots,
			  const struct copy *copy, const char *reference)
{
	const struct declaration *declared = copy->declared;
	size_t size = strcspn(reference, ".");
	for (unsigned k = 0; k < declared->space->import_count; k++) {
		const char *from = declared->space->imports[k].from;
		if (strlen(from) != size || memcmp(from, reference, size) != 0)
			continue;
		const struct known_value *known =
			find(values, declared->imports[k], reference + size + 1);
		for (int n = 0; n < 2; n++)
			if (known->provider[n] != NULL &&
			    known->provider[n]->root != copy->sc->slot->root &&
			    setting_is_filled(slot_declared_space(known->provider[n]),
					      reference + size + 1))
				add_root(roots, known->provider[n]->root);
	}
}

struct roots_of {
	root_list *roots;
	const struct slot *importer;
};

static void add_provider(void *user, struct slot *provider)
{
	const struct roots_of *of = user;
	if (provider->root != of->importer->root)
		add_root(of->roots, provider->root);
}

/* While what it cannot do without is handed over, it may stop, and is started again. */
static void add_needed(root_list *roots, const struct copy *copy)
{
	const struct declaration *declared = copy->declared;
	struct roots_of of = {roots, copy->sc->slot};
	for (unsigned k = 0; k < declared->space->import_count; k++)
		if (!declared->space->imports[k].optional)
			provider_set_each_started(declared->imports[k], add_provider, &of);
}

static void add_referred(struct reload_values *values, root_list *roots,
			 const struct copy *copy)
{
	if (!has_settings(copy) || copy->declared->space->reload != RELOAD_BY_RESTART)
		return;
	struct setting_list list = setting_list_of(copy);
	for (size_t k = 0; k < list.count; k++)
		add_providers(values, roots, copy, list.items[k]);
	setting_list_done(&list);
}

/* That of which a new copy may make one of the unit. `first`: it is the unit that is asked for. */
static void add_makers(struct reload_values *values, root_list *roots, const struct slot *root,
		       bool first)
{
	slot_for_each_below ((struct slot *)(uintptr_t)root, s) {
		const struct copy *copy = serving_copy(control_of_slot(s));
		if (copy == NULL)
			continue;
		add_referred(values, roots, copy);
		if (!first)
			add_needed(roots, copy);
	}
}

bool reload_makes_itself(struct reload_values *values, const struct slot_control *root)
{
	root_list roots = {0};
	bool found = false;
	add_makers(values, &roots, root->slot, true);
	for (size_t k = 0; k < roots.count && !found; k++) {
		found = roots.items[k] == root->slot;
		if (!found)
			add_makers(values, &roots, roots.items[k], false);
	}
	vector_done(&roots);
	return found;
}

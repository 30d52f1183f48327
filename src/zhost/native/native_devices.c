#include "zhost/native/native_devices.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/zhost.h"
#include "zrun/protocol/protocol.h"

#define LIST_MAX ((size_t)64 * 1024)

struct collected {
	bool must_be_there;
	struct buffer nodes, groups; /* with spaces between them */
	size_t node_count, group_count;
	variable_vector *environment;
};

bool device_node_is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/* ---- lists ---- */

static bool has_word(const struct buffer *list, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = list->size > 0 ? list->data : NULL; at != NULL;
	     at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, word, size) == 0 && (at[size] == ' ' || at[size] == '\0'))
			return true;
	}
	return false;
}

/* `what`: "device nodes", "groups". */
static int add_word(const struct collected *to, struct buffer *list, size_t *count,
		    const char *word, const char *what, struct error **err)
{
	if (has_word(list, word))
		return 0;
	if (*count == ZRUN_NATIVE_DEVICES_MAX ||
	    buffer_printf(list, "%s%s", list->size > 0 ? " " : "", word) < 0) {
		if (!to->must_be_there)
			return 0;
		return error_set(
			err, ERR_LIMIT,
			"its capabilities and devices give it more than %d %s, or more "
			"than %zu KiB of their names: let the space ask for fewer, or "
			"list fewer in the settings of the zhost",
			ZRUN_NATIVE_DEVICES_MAX, what, LIST_MAX / 1024);
	}
	(*count)++;
	return 0;
}

static int add_node(struct collected *to, const char *path, const char *of, struct error **err)
{
	if (device_node_is_there(path))
		return add_word(to, &to->nodes, &to->node_count, path, "device nodes", err);
	if (!to->must_be_there)
		return 0;
	return error_set(err, ERR_NOT_FOUND,
			 "device node %s of %s is missing: connect the device, or change the "
			 "settings of the zhost",
			 path, of);
}

static int add_group(struct collected *to, const char *name, const char *of, struct error **err)
{
	const struct group *group = getgrnam(name);

	if (group != NULL) {
		CLEANUP(freep) char *number = str_printf("%u", (unsigned)group->gr_gid);
		return add_word(to, &to->groups, &to->group_count, number, "groups", err);
	}
	return to->must_be_there
		       ? error_set(err, ERR_NOT_FOUND,
				   "group %s of %s is not there: make it on this machine, or "
				   "change the settings of the zhost",
				   name, of)
		       : 0;
}

/* ---- capabilities ---- */

static int add_capability(struct collected *to, const Samoza__V1__CapabilityOffer *offer,
			  struct error **err)
{
	int r = 0;

	for (size_t k = 0; k < offer->n_devices && r == 0; k++)
		r = add_node(to, offer->devices[k], offer->name, err);
	for (size_t k = 0; k < offer->n_groups && r == 0; k++)
		r = add_group(to, offer->groups[k], offer->name, err);
	return r;
}

/* ---- devices ---- */

/* With `value` in place of each `name`. The caller frees. */
static char *replace(const char *text, const char *name, const char *value)
{
	struct buffer out = BUFFER_INIT(SIZE_MAX);
	const char *found;

	while ((found = strstr(text, name)) != NULL) {
		(void)buffer_printf(&out, "%.*s%s", (int)(found - text), text, value);
		text = found + strlen(name);
	}
	(void)buffer_printf(&out, "%s", text);
	return buffer_steal(&out);
}

static bool is_of(const Samoza__V1__DeviceOffer *offer, const Samoza__V1__DeviceChoice *choice)
{
	const char *model = offer->model != NULL ? offer->model : "";

	return str_equal(offer->kind, choice->kind) &&
	       str_equal(model, choice->model != NULL ? choice->model : "");
}

/* The entry that it is of, and its number there. NULL: this zhost has it no longer. */
static const Samoza__V1__DeviceOffer *offer_of(const Samoza__V1__ZhostSpec *zhost,
					       const Samoza__V1__DeviceChoice *choice,
					       uint32_t *ret_index)
{
	uint32_t index = choice->index;

	for (size_t k = 0; k < zhost->n_devices; k++) {
		if (!is_of(zhost->devices[k], choice))
			continue;
		*ret_index = index;
		if (index < zhost->devices[k]->count)
			return zhost->devices[k];
		index -= zhost->devices[k]->count;
	}
	return NULL;
}

static int add_device(struct collected *to, const Samoza__V1__DeviceOffer *offer,
		      uint32_t index, struct error **err)
{
	CLEANUP(freep) char *number = str_printf("%u", index);
	int r = 0;

	for (size_t k = 0; k < offer->n_nodes && r == 0; k++) {
		CLEANUP(freep) char *path = replace(offer->nodes[k], "{index}", number);
		r = add_node(to, path, offer->kind, err);
	}
	return r;
}

static int add_choices(struct collected *to, const Samoza__V1__ZhostSpec *zhost,
		       const Samoza__V1__InstanceSpec *instance, struct error **err)
{
	int r = 0;

	for (size_t k = 0; k < instance->n_devices && r == 0; k++) {
		const Samoza__V1__DeviceChoice *choice = instance->devices[k];
		uint32_t index = 0;
		const Samoza__V1__DeviceOffer *offer = offer_of(zhost, choice, &index);
		if (offer != NULL)
			r = add_device(to, offer, index, err);
		else if (to->must_be_there)
			r = error_set(err, ERR_NOT_FOUND,
				      "this zhost has no %s%s%s of number %u any longer: move "
				      "the space, or change the settings of the zhost",
				      choice->kind, choice->model != NULL ? " " : "",
				      choice->model != NULL ? choice->model : "",
				      choice->index);
	}
	return r;
}

/* The numbers of the instance's devices in the entry, "0,3"; NULL: it has none of them. The caller frees. */
static char *indices_of(const Samoza__V1__ZhostSpec *zhost,
			const Samoza__V1__InstanceSpec *instance,
			const Samoza__V1__DeviceOffer *of)
{
	struct buffer list = BUFFER_INIT(SIZE_MAX);

	for (size_t k = 0; k < instance->n_devices; k++) {
		uint32_t index = 0;
		if (offer_of(zhost, instance->devices[k], &index) == of)
			(void)buffer_printf(&list, "%s%u", list.size > 0 ? "," : "", index);
	}
	return list.size > 0 ? buffer_steal(&list) : NULL;
}

static void add_environment(struct collected *to, const Samoza__V1__ZhostSpec *zhost,
			    const Samoza__V1__InstanceSpec *instance)
{
	for (size_t k = 0; k < zhost->n_devices; k++) {
		const Samoza__V1__DeviceOffer *offer = zhost->devices[k];
		CLEANUP(freep) char *indices = indices_of(zhost, instance, offer);
		for (size_t i = 0; i < offer->n_env && indices != NULL; i++) {
			const char *template =
				offer->env[i]->value != NULL ? offer->env[i]->value : "";
			CLEANUP(freep) char *value = replace(template, "{indices}", indices);
			variables_add(to->environment, mem_strdup(offer->env[i]->key), value);
		}
	}
}

/* ---- all ---- */

static int collect(struct collected *to, const Samoza__V1__ZhostSpec *zhost,
		   const Samoza__V1__InstanceSpec *instance, struct error **err)
{
	int r = 0;

	for (size_t k = 0; k < instance->n_capabilities && r == 0; k++) {
		const Samoza__V1__CapabilityOffer *offer =
			zhost_spec_offer(zhost, instance->capabilities[k]);
		if (offer != NULL)
			r = add_capability(to, offer, err);
	}
	if (r == 0)
		r = add_choices(to, zhost, instance, err);
	if (r == 0)
		add_environment(to, zhost, instance);
	return r;
}

int native_devices_add(const Samoza__V1__ZhostSpec *zhost,
		       const Samoza__V1__InstanceSpec *instance, bool must_be_there,
		       variable_vector *settings, variable_vector *environment,
		       struct error **err)
{
	CLEANUP(buffer_done) struct buffer nodes = BUFFER_INIT(LIST_MAX);
	CLEANUP(buffer_done) struct buffer groups = BUFFER_INIT(LIST_MAX);
	struct collected to = {.must_be_there = must_be_there,
			       .nodes = nodes,
			       .groups = groups,
			       .environment = environment};
	int r = zhost != NULL ? collect(&to, zhost, instance, err) : 0;

	nodes = to.nodes;
	groups = to.groups;
	if (r == 0 && nodes.size > 0)
		variables_add(settings, mem_strdup("devices"), nodes.data);
	if (r == 0 && groups.size > 0)
		variables_add(settings, mem_strdup("device_groups"), groups.data);
	return r;
}

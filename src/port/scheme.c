#include "port/scheme.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"

/* What follows "NAME:", or NULL. */
static const char *after_scheme(const char *url, const char *name)
{
	size_t size = strlen(name);
	if (strncmp(url, name, size) != 0 || url[size] != ':' || url[size + 1] == '\0')
		return NULL;
	return url + size + 1;
}

/* "sqlite:DIR or etcd:URL"; takes `list`, NULL: the first one. */
static char *list_add(char *list, const char *form)
{
	char *longer = list != NULL ? str_printf("%s or %s", list, form) : mem_strdup(form);
	free(list);
	return longer;
}

static int unknown(const char *what, const char *url, char *take_forms, struct error **err)
{
	CLEANUP(freep) char *forms = take_forms;
	return error_set(err, ERR_INVALID, "unknown %s '%s': expected %s", what, url,
			 forms != NULL ? forms : "none, this program has no implementation");
}

int store_open(const struct store_scheme *schemes, size_t count, struct loop *loop,
	       const char *url, struct store **ret_store, struct error **err)
{
	char *forms = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *where = after_scheme(url, schemes[i].name);
		if (where != NULL) {
			free(forms);
			return schemes[i].open(loop, where, ret_store, err);
		}
		forms = list_add(forms, schemes[i].form);
	}
	return unknown("store", url, forms, err);
}

int kv_open(const struct kv_scheme *schemes, size_t count, struct loop *loop, const char *url,
	    struct kv **ret_kv, struct error **err)
{
	char *forms = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *where = after_scheme(url, schemes[i].name);
		if (where != NULL) {
			free(forms);
			return schemes[i].open(loop, where, ret_kv, err);
		}
		forms = list_add(forms, schemes[i].form);
	}
	return unknown("store", url, forms, err);
}

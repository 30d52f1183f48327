/*
 * What the `env` and `config` of a copy refer to, of its declaration and of the templates of its package, and its secrets.
 */
#ifndef SAMOZA_CORE_CONTROL_SETTING_LIST_H
#define SAMOZA_CORE_CONTROL_SETTING_LIST_H

#include <stddef.h>

struct copy;

struct setting_list {
	char **items; /* FROM.NAME, or SETTING_SECRET and NAME; sorted, each once; borrowed from its revision */
	size_t count;
};

/* The caller ends it with setting_list_done(). PRE: it is not retired. */
struct setting_list setting_list_of(const struct copy *copy);
void setting_list_done(struct setting_list *list);

#endif

/* Words that rules use for people. The caller frees what is not const. */
#ifndef SAMOZA_CORE_PLACE_RULE_TEXTS_H
#define SAMOZA_CORE_PLACE_RULE_TEXTS_H

#include "core/place/rule/rule.h"

/* A change that one command makes: "uncordon" */
#define CHANGE_UNCORDON "uncordon"

/* "zhost", or the label */
const char *scope_text(const struct place *p, uint32_t column);
/* The label; NULL for "zhost". Borrowed. */
const char *label_of_scope(const struct place *p, uint32_t column);
/* Name in `with`, as the topology writes it: "self", "store", "shop/store" */
char *affinity_text(const struct affinity *rule);
/* How many are in the domain of a zhost: "none there", "2 in eu", "no label region" */
char *company_text(const struct place *p, uint32_t column, uint32_t zhost, uint32_t count);
/* "1.5", "512 MiB", "2" */
char *quantity_text(enum place_quantity quantity, int64_t amount);
/* "2 gpu (T4, V100), 300m of each" */
char *device_request_text(const struct place *p, const struct device_request *r);

/* Rule 6. "needs 512 MiB, 128 MiB free", and the figures */
char *amount_failure(struct place_failure *ret, enum place_quantity quantity, int64_t needs,
		     int64_t free_now);
char *capacity_sentence(const struct filter *f, const struct requirement *r);
/* What the unit needs, and where most of it is free */
char *capacity_detail(const struct filter *f, const char *path, const struct remaining *left);

#endif

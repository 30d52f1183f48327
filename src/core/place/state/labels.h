/* Labels of zhosts as columns of numbers, one column for each label that a rule is about. */
#ifndef SAMOZA_CORE_PLACE_STATE_LABELS_H
#define SAMOZA_CORE_PLACE_STATE_LABELS_H

#include "core/place/state/state.h"

/* Column of a label; takes a reference. */
uint32_t column_take(struct place *p, const char *label);
void column_drop(struct place *p, uint32_t column);
/* The labels of a zhost are others, or it is new. */
void columns_update(struct place *p, uint32_t zhost);
/* It is gone. */
void columns_forget(struct place *p, uint32_t zhost);
/* A zhost's name, or a label's value. */
const char *domain_text(const struct place *p, uint32_t column, uint32_t domain);
void columns_done(struct place *p);

#endif

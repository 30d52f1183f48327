/*
 * How long a started slot stays without a provider of what it imports. Source:
 * [change.patience.patience], [lifecycle.root.adoption].
 *
 *   patience    the last provider has left deployed-started, and had not been asked to stop: importers
 *               that declare patience stay as they are, with the values that they have
 *
 *        started ──last one leaves──► lost ──one comes──► (as before)
 *                                      └──patience is over──► chain reaction, import by import
 *
 *   returned    the zhost of the importer was lost and is back, before that of the provider: the importer
 *               stays until that one has had time to return, too
 *
 * An instance is never its own provider: one that counts in the set has lost its last provider when one is left.
 * Neither satisfies a start.
 */
#ifndef SAMOZA_CORE_LIFECYCLE_PATIENCE_H
#define SAMOZA_CORE_LIFECYCLE_PATIENCE_H

#include "core/lifecycle/lifecycle.h"

/* `set->started` has fallen by one. `asked`: it was asked to stop. */
void patience_provider_left(struct provider_set *set, bool asked);
/* It has grown by one. */
void patience_provider_came(struct provider_set *set);
/* Whether an import with that patience keeps what it had for now. `counts_itself`: of a slot that counts in the set
 * while it is started. */
bool patience_lasts(const struct provider_set *set, uint32_t patience_ms, bool counts_itself);
/* Monotonic: when that ends. PRE: it lasts. */
int64_t patience_ends_ms(const struct provider_set *set, uint32_t patience_ms,
			 bool counts_itself);
/* Of a store. One that was taken before stays when it is earlier. */
void patience_restore(struct provider_set *set, unsigned left, int64_t at_ms,
		      int64_t not_before_ms);

/* As another core has it. `timer_ms`: the next end of a patience there, or INT64_MAX; `order`: of that timer. */
void patience_continue(struct provider_set *set, const struct provider_loss lost[2],
		       int64_t timer_ms, uint64_t order);

/* The first mandatory import because of which a started slot is to stop; NULL: it may stay. */
const struct import_decl *slot_lost_import(const struct slot *s);
/* It lacks an import, and stays only until the zhost of a provider is back. */
bool slot_awaits_return(const struct slot *s);
/* It is started because its zhost is back; 0: it is started no longer. */
void slot_returned(struct slot *s, int64_t until_ms);

/* Queues the slots whose time is over. */
void patience_tick(struct lifecycle *l);
/* Monotonic; INT64_MAX: no time runs. */
int64_t patience_next_ms(const struct lifecycle *l);
/* A set whose importers stay for now; NULL. */
const struct provider_set *patience_first(const struct lifecycle *l);
/* A slot that stays until another zhost is back; NULL. */
const struct slot *patience_first_returned(const struct lifecycle *l);

#endif

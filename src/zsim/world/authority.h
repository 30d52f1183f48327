/* Certificate authorities of the simulated cluster: numbers stand for their keys. */
#ifndef SAMOZA_ZSIM_WORLD_AUTHORITY_H
#define SAMOZA_ZSIM_WORLD_AUTHORITY_H

#include <stdint.h>

#include "core/access/authorities.h"
#include "core/control/control.h"

struct sim_authority {
	Samoza__V1__AuthorityRecord record; /* borrows the rest */
	uint8_t pin[AUTHORITY_PIN_SIZE];
};

/* Not to be moved afterwards. */
void sim_authority_init(struct sim_authority *authority, uint32_t number);
/* The number of one that the cluster has not had. */
uint32_t sim_authority_next(const struct control *control);
/* "1* 2 adding, missing n1 n2"; the caller frees. */
char *sim_authorities_text(const struct control *control);

#endif

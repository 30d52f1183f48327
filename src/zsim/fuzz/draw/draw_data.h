/*
 * Processes that read, write and delete their data.
 */
#ifndef SAMOZA_ZSIM_FUZZ_DRAW_DATA_H
#define SAMOZA_ZSIM_FUZZ_DRAW_DATA_H

struct fuzz;

void draw_data(struct fuzz *f);

#endif

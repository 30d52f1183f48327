/*
 * The functions that guests import.
 */
#ifndef SAMOZA_ZRUN_WASM_HOST_TABLE_H
#define SAMOZA_ZRUN_WASM_HOST_TABLE_H

/* In the order of enum import_index. */
extern void (*const host_functions[])(void);

#endif

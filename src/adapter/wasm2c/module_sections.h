/*
 * Checks of sections that have files of their own.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_MODULE_SECTIONS_H
#define SAMOZA_ADAPTER_WASM2C_MODULE_SECTIONS_H

#include "adapter/wasm2c/reader.h"

struct module;

/* The code section's content. */
void module_check_code(struct reader *r, struct module *m);
/* One instruction sequence of a constant: T.const and end. */
void module_check_constant(struct reader *r, const char *what, uint8_t type);
/* The i32.const of a constant that was checked. */
uint32_t module_read_i32(struct reader *r);
/* The export section's content. */
void module_check_exports(struct reader *r, struct module *m);
/* Writes an export section of those that zrun calls; `to` has room for a section as long as the
 * one that is read. Returns its size. */
size_t module_rewrite_exports(struct reader *r, uint8_t *to);

#endif

/*
 * The memory of a guest before its first instruction: address space, and the start image that was
 * linked into its native code (adapter/wasm2c/image.h).
 */
#ifndef SAMOZA_ZRUN_WASM_GUEST_IMAGE_H
#define SAMOZA_ZRUN_WASM_GUEST_IMAGE_H

#include <stdint.h>

struct guest;

/* The most pages that the guest's memory may have. */
uint32_t guest_pages_max(const struct guest *g);
/* Reserves the address space, where that was not done. */
void guest_reserve(struct guest *g);
/* Maps the runs of whole pages, copy-on-write, from the file of the native code: while files can
 * still be mapped. `module_fd`: that file. */
void guest_image_map(struct guest *g, int module_fd);
/* Copies the other runs into the memory, which can be written by now. */
void guest_image_copy(const struct guest *g);
__attribute__((noreturn)) void guest_no_memory(const struct guest *g, const char *what);

#endif

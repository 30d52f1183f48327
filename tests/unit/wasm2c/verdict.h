/* What the checker says of a module, as an assertion. */
#ifndef SAMOZA_TESTS_WASM_VERDICT_H
#define SAMOZA_TESTS_WASM_VERDICT_H

#include <stdint.h>

#include "adapter/wasm2c/module.h"
#include "base/buffer.h"
#include "base/error.h"

/* The memory that the tests' instances may have, in bytes. */
#define MEMORY (32ull << 20)

/* A body of a function: no locals, i32.const 0, end. */
static const char body_zero[] = {0, 0x41, 0, 0x0b};

/* The module is refused with this code, a text that contains `part`, and at once. */
void verdict_refused(const struct buffer *b, enum error_code code, const char *part);
/* The module is accepted; ret_info: what is known of it. */
void verdict_accepted(const struct buffer *b, struct module_info *ret_info);

#endif

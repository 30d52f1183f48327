/*
 * A fuzz target: takes any bytes, as a peer or a file would bring them, and must neither crash nor
 * break what it asserts. libFuzzer calls it (`make fuzz`); replay.c calls it for every file of its
 * corpus, as a unit test.
 */
#ifndef SAMOZA_TESTS_FUZZ_TARGET_H
#define SAMOZA_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

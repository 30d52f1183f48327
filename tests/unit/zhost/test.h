/* What cmocka wants to be included, in its order. */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_TEST_H
#define SAMOZA_TESTS_UNIT_ZHOST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

/*
 * For cppcheck only, which does not read the system's headers: what an assert
 * does, so that it draws conclusions from one instead of suspecting it.
 */
#ifndef TEST_CPPCHECK_H
#define TEST_CPPCHECK_H

#include "plain_uthash.h"

#define assert(x)    \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

#endif

/*
 * For clang-tidy only, included in front of every source but base/err.c: the
 * analyzer sees one file at a time and must be told that a new error is never
 * NULL, or it follows paths on which a failure looks like success.
 */
#ifndef TEST_TIDY_H
#define TEST_TIDY_H

#include "base/err.h"
#include "test/plain_uthash.h"

static inline struct err *tidy_never_null(struct err *err)
{
    if (err == NULL)
        __builtin_unreachable();
    return err;
}

#define err_new(...)  tidy_never_null(err_new(__VA_ARGS__))
#define err_sys(...)  tidy_never_null(err_sys(__VA_ARGS__))
#define err_wrap(...) tidy_never_null(err_wrap(__VA_ARGS__))

#endif

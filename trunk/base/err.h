#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * An error as a conversation reports it: a code by which callers decide, and a chain of facts to
 * log. NULL is success. The caller owns the error and either frees it with err_free() or passes it
 * up with err_wrap().
 */
#include <stddef.h>

enum err_code {
    ERR_SYS = 1,     /* a system call failed; err_errno() says how */
    ERR_CLOSED,      /* the peer disconnected: not worth an error line */
    ERR_TIMEOUT,     /* a deadline passed: not worth an error line */
    ERR_INTERRUPTED, /* this coroutine was asked to end */
    ERR_PROTO,       /* the peer broke its protocol */
    ERR_LIMIT,       /* one of our limits was reached */
    ERR_DENIED,      /* refused by policy */
    ERR_BUSY,        /* the resource is in use */
    ERR_NOT_FOUND,   /* not found */
    ERR_LOOP,        /* the request would come back to its sender */
    ERR_CONFIG,      /* the configuration is wrong */
    ERR_NOMEM        /* out of memory */
};

struct err;

#define ERR_MUST_CHECK __attribute__((warn_unused_result))

/* A new error. Never NULL: without memory a static one is returned. */
struct err *err_new(enum err_code code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A new ERR_SYS error that keeps `sys_errno` and adds its text. */
struct err *err_sys(int sys_errno, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts a fact in front of the chain; takes over `err` and returns it. `err` is not NULL. */
struct err *err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The innermost error's code, which wrapping keeps. err is not NULL. */
enum err_code err_code(const struct err *err);

/* The errno of an ERR_SYS error; 0 for other errors and for NULL. */
int err_errno(const struct err *err);

/* The chain as one line, "outer: inner"; owned by the error. */
const char *err_text(const struct err *err);

/* True for everyday errors: closed, timeout, interrupted. */
int err_is_quiet(const struct err *err);

/* Frees the error; NULL is allowed. */
void err_free(struct err *err);

#endif

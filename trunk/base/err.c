/*
 * Errors as a chain of facts in one line of limited length: each level adds its fact in front. One
 * allocation per error, none on success.
 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERR_TEXT_MAX 512

struct err {
    enum err_code code;
    int sys_errno;
    char text[ERR_TEXT_MAX];
};

/* Returned when there is no memory for an error; never freed, never written. */
static struct err err_no_memory = {ERR_NOMEM, 0, "out of memory"};

static struct err *err_alloc(enum err_code code, int sys_errno)
{
    struct err *err = malloc(sizeof(*err));

    if (err == NULL)
        return &err_no_memory;
    err->code = code;
    err->sys_errno = sys_errno;
    err->text[0] = '\0';
    return err;
}

struct err *err_new(enum err_code code, const char *fmt, ...)
{
    struct err *err = err_alloc(code, 0);
    va_list ap;

    assert(fmt != NULL);
    if (err == &err_no_memory)
        return err;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return err;
}

struct err *err_sys(int sys_errno, const char *fmt, ...)
{
    struct err *err = err_alloc(ERR_SYS, sys_errno);
    va_list ap;
    size_t len;
    char why[96];

    assert(fmt != NULL);
    if (err == &err_no_memory)
        return err;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s",
             strerror_r(sys_errno, why, sizeof(why)));
    return err;
}

struct err *err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list ap;
    size_t len;

    assert(err != NULL && fmt != NULL);
    if (err == &err_no_memory)
        return err;
    memcpy(inner, err->text, sizeof(inner));
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", inner);
    return err;
}

enum err_code err_code(const struct err *err)
{
    assert(err != NULL);
    return err->code;
}

int err_errno(const struct err *err)
{
    return err != NULL ? err->sys_errno : 0;
}

const char *err_text(const struct err *err)
{
    assert(err != NULL);
    return err->text;
}

int err_is_quiet(const struct err *err)
{
    assert(err != NULL);
    return err->code == ERR_CLOSED || err->code == ERR_TIMEOUT || err->code == ERR_INTERRUPTED;
}

void err_free(struct err *err)
{
    if (err != &err_no_memory)
        free(err);
}

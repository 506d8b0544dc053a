/*
 * OpenSSL keeps a queue of errors for each thread (ERR_get_error(3)). Coroutines share it, so the
 * queue is emptied before each operation, and read after it without a switch in between.
 */
#include "base/str.h"
#include "co/tls_private.h"

#include <openssl/err.h>

const char *tls_reason(char *out, size_t cap)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);

    (void)str_copy(out, cap, reason != NULL ? reason : "unknown error");
    ERR_clear_error();
    return out;
}

struct err *tls_reason_error(enum err_code code, const char *what, const char *file)
{
    char reason[TLS_REASON_MAX];

    return err_new(code, "%s %s: %s", what, file, tls_reason(reason, sizeof(reason)));
}

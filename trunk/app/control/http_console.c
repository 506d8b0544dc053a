/*
 * The console is static (research/console); it gets everything else from the API with the user's
 * password, so its files need no permission.
 */
#include "app/control/http_console.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONSOLE_PATH "/console"

static int is_of_console(const char *path)
{
    size_t len = strlen(CONSOLE_PATH);

    return strncmp(path, CONSOLE_PATH, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static struct err *console_serve(struct http_handler *self, struct http_exchange *x, usec_t timeout)
{
    if (is_of_console(x->request->path))
        return http_next(self, x, timeout);
    return http_answer_error(x, 404, NULL, timeout, "not found");
}

struct http_handler *http_console_new(struct http_handler *next)
{
    struct http_handler *handler = calloc(1, sizeof(*handler));

    assert(next != NULL);
    if (handler == NULL)
        return NULL;
    handler->serve = console_serve;
    handler->next = next;
    return handler;
}

/*
 * Asks the gates. Each protocol has one way to a stream, and each of them calls gates_ask(). The
 * rules of a gate are in its own file.
 */
#include "app/stream/gate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int gate_refuse(struct gate_verdict *verdict, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(verdict->reason, sizeof(verdict->reason), format, args);
    va_end(args);
    return status;
}

int gates_ask(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout)
{
    const struct tables *tables = request->server->tables;
    const struct gate *const *rows = tables != NULL ? tables->gates : NULL;

    memset(verdict, 0, sizeof(*verdict));
    if (request->source != NULL)
        source_ref(request->source);
    for (int i = 0; rows != NULL && rows[i] != NULL && verdict->status == 0; i++)
        if (rows[i]->needs_stream == (request->source != NULL))
            verdict->status = rows[i]->ask(request, verdict, timeout);
    if (request->source != NULL)
        source_unref(request->source);
    return verdict->status;
}

/*
 * Asks the gates. Each protocol has one way to a stream, and each of them calls gates_ask(). The
 * rules of a gate are in its own file.
 */
#include "app/stream/gate.h"

#include "app/core/metrics.h"
#include "base/buf.h"

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

static enum gate_stage stage_of(const struct gate_request *request)
{
    if (request->is_last)
        return GATE_LAST;
    return request->source != NULL ? GATE_FOUND : GATE_NAMED;
}

int gates_ask(const struct gate_request *request, struct gate_verdict *verdict, usec_t timeout)
{
    const struct tables *tables = request->server->tables;
    const struct gate *const *rows = tables != NULL ? tables->gates : NULL;

    memset(verdict, 0, sizeof(*verdict));
    if (request->source != NULL)
        source_ref(request->source);
    for (int i = 0; rows != NULL && rows[i] != NULL && verdict->status == 0; i++) {
        if (rows[i]->stage != stage_of(request))
            continue;
        verdict->status = rows[i]->ask(request, verdict, timeout);
        /* A client that is sent elsewhere is not refused. */
        if (verdict->status != 0 && verdict->status != 302)
            metrics_add_label(request->server->metrics, METRICS_REFUSALS, rows[i]->name, 1);
    }
    if (request->source != NULL)
        source_unref(request->source);
    if (verdict->status != 0 && request->permits != NULL)
        permit_end_all(request->permits, request->bytes_in, request->bytes_out);
    return verdict->status;
}

/* "  play: addresses 10.0.0.0/8, and signed addresses". */
static int describe_action(const struct tables *tables, const struct config_vhost *vhost,
                           enum access_action action, struct buf *out)
{
    const char *name = action == ACCESS_PUBLISH ? "publish" : "play";
    int rc = buf_printf(out, "#     %s: ", name);
    int is_first = 1;

    for (const struct gate *const *row = tables->gates; *row != NULL && rc == 0; row++) {
        size_t before, start;

        if ((*row)->describe == NULL)
            continue;
        before = out->len;
        if (!is_first)
            rc = buf_append(out, "; and only ", 11);
        start = out->len;
        if (rc == 0)
            rc = (*row)->describe(vhost, action, out);
        if (out->len == start)
            out->len = before;
        is_first &= out->len == before;
    }
    if (rc == 0 && is_first)
        rc = buf_append(out, "everyone", 8);
    return rc != 0 ? -1 : buf_append(out, "\n", 1);
}

int gates_describe(const struct tables *tables, const struct config *config, struct buf *out)
{
    int rc = buf_printf(out, "# Who may publish and play:\n");

    for (int i = 0; i < config->vhost_count && rc == 0; i++) {
        const struct config_vhost *vhost = config->vhost[i];

        rc = buf_printf(out, "# vhost %s%s\n", vhost->name, vhost->enabled ? "" : " (disabled)");
        if (rc == 0 && vhost->enabled)
            rc = describe_action(tables, vhost, ACCESS_PUBLISH, out);
        if (rc == 0 && vhost->enabled)
            rc = describe_action(tables, vhost, ACCESS_PLAY, out);
    }
    return rc;
}

int gates_are_used(const struct server *server, const struct config_vhost *vhost,
                   enum gate_stage stage)
{
    const struct tables *tables = server->tables;
    const struct gate *const *rows = tables != NULL ? tables->gates : NULL;

    for (int i = 0; rows != NULL && rows[i] != NULL; i++)
        if (rows[i]->stage == stage &&
            (rows[i]->is_used == NULL || rows[i]->is_used(server, vhost)))
            return 1;
    return 0;
}

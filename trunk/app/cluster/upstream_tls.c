/*
 * One context for each CA bundle, made when it is first needed and kept, because a context reads
 * and parses the whole bundle. Only the configuration names bundles, so they are few.
 */
#include "app/cluster/upstream_tls.h"

#include "co/tls.h"

#include <stdlib.h>
#include <string.h>

struct context {
    struct tls *tls;
    struct context *next;
    char ca[];
};

struct contexts {
    struct context *first;
};

struct tls *upstream_tls(const struct server *server, const char *ca, struct err **err)
{
    /* No ALPN: HTTP/1.1 is the default, and not every upstream protocol is HTTP. */
    struct tls_options options = {.ca = ca[0] != '\0' ? ca : NULL};
    struct contexts *own = observer_own(server, &upstream_tls_observer);
    struct context *context;

    *err = NULL;
    for (context = own->first; context != NULL; context = context->next)
        if (strcmp(context->ca, ca) == 0)
            return context->tls;
    context = calloc(1, sizeof(*context) + strlen(ca) + 1);
    if (context == NULL) {
        *err = err_new(ERR_NOMEM, "no memory for TLS");
        return NULL;
    }
    *err = tls_client_new(&options, server->log, &context->tls);
    if (*err != NULL) {
        free(context);
        return NULL;
    }
    memcpy(context->ca, ca, strlen(ca));
    context->next = own->first;
    own->first = context;
    return context->tls;
}

static struct err *upstream_tls_open(struct server *server, void **own)
{
    (void)server;
    *own = calloc(1, sizeof(struct contexts));
    return *own != NULL ? NULL : err_new(ERR_NOMEM, "no memory for TLS contexts");
}

static void upstream_tls_close(struct server *server, void *own)
{
    struct contexts *contexts = own;
    struct context *next;

    (void)server;
    for (struct context *context = contexts->first; context != NULL; context = next) {
        next = context->next;
        tls_free(context->tls);
        free(context);
    }
    free(contexts);
}

/* A bundle may have been replaced. One that cannot be read, which is logged, stays as it was. */
static void upstream_tls_on_config(struct server *server, void *own, const struct config *before,
                                   const struct config *config)
{
    const struct contexts *contexts = own;

    (void)server;
    (void)before;
    (void)config;
    for (const struct context *context = contexts->first; context != NULL; context = context->next)
        (void)tls_reload(context->tls);
}

const struct observer upstream_tls_observer = {.name = "upstream TLS",
                                               .open = upstream_tls_open,
                                               .close = upstream_tls_close,
                                               .on_config = upstream_tls_on_config};

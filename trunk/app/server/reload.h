#ifndef APP_SERVER_RELOAD_H
#define APP_SERVER_RELOAD_H

/*
 * A reload in this process: everything that can fail is done first (prepare), then all of it is
 * applied (commit). The only process of a server does both by itself; one of several does its part
 * when it is asked to (struct reload_route, app/core/reload.h).
 */
#include "app/core/log_sink.h"
#include "app/core/reload.h"
#include "app/core/server.h"
#include "app/core/supervisor.h"
#include "base/yield.h"

/* All of it is borrowed and outlives the server. */
struct reload_options {
    const struct config_options *options; /* what is read again; the file as an absolute path */
    char **environment;
    struct log *log; /* whose level, time zone and sink a reload changes */
    struct log_sink_file *sink;
    struct supervisor *supervisor; /* is told of a reload */
};

/* Call it once, before service_run(). */
struct err *reload_open(struct server *server, const struct reload_options *options);
/* NULL is allowed. */
void reload_close(struct server *server);

/* SIGHUP. The result is in the log. */
MAY_YIELD void reload_request(struct server *server);

/* The row of struct tables. */
extern const struct reload_door reload_door;

#endif

#ifndef TEST_UNIT_APP_HTTP_TEST_H
#define TEST_UNIT_APP_HTTP_TEST_H

/*
 * What the tests of the HTTP handlers share: a server that is only its
 * configuration, and an exchange whose connection is a piece of memory.
 */
#include "app/config/config_loader.h"
#include "app/core/server.h"
#include "app/http/http_exchange.h"

#include <check.h>

struct http_test {
    union {
        struct config config;
        struct config_snapshot snapshot; /* so that the configuration can be held */
    };
    struct config_vhost vhost;
    struct config_vhost *vhosts[1];
    struct log log;
    struct server server;
    struct net_conn conn; /* only its io works; out contains what was written */
    struct buf out;
    struct http_message request;
    struct http_exchange x;
};

/* One vhost, __defaultVhost__, HTTP/1.1, crossdomain on, 5 s timeouts. */
void http_test_init(struct http_test *t);
void http_test_fini(struct http_test *t);

/* A new GET or whatever, without headers. */
void http_test_request(struct http_test *t, const char *method, const char *path);
void http_test_header(struct http_test *t, const char *name, const char *value);

/* What was written so far, as a string; "" at first. */
const char *http_test_out(struct http_test *t);
int http_test_status(struct http_test *t);
/* Is there exactly one header line of this text? */
int http_test_has_line(struct http_test *t, const char *line);
const char *http_test_body(struct http_test *t);

/* Runs the handler; fails the test on an error. */
void http_test_serve(struct http_test *t, struct http_handler *handler);

/* Starts the runtime if no test did yet. */
void http_test_runtime(void);

#endif

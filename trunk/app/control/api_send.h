#ifndef APP_CONTROL_API_SEND_H
#define APP_CONTROL_API_SEND_H

/*
 * Requests to the API, with JSONP where it is on, and the text of its answers.
 */
#include "app/http/http_exchange.h"
#include "base/yield.h"

#include <jansson.h>

/* A longer name of a JSONP callback is none. Terminator included. */
#define API_CALLBACK_MAX 128

struct api_request {
    const char *method;              /* the request's, or that of JSONP's parameter */
    char callback[API_CALLBACK_MAX]; /* of JSONP; "": plain JSON */
    int is_public;                   /* the asker gets only what is public */
};

/* Reads method and callback. */
void api_send_request(const struct http_exchange *x, struct api_request *out);

/* Answers with this object. A long text is written in parts, between which other coroutines run. */
struct err *api_send(struct http_exchange *x, const struct api_request *request, json_t *body,
                     usec_t timeout);

#endif

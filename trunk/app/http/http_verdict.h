#ifndef APP_HTTP_HTTP_VERDICT_H
#define APP_HTTP_HTTP_VERDICT_H

/* A gate's verdict as an HTTP answer, or as a WebSocket close. */
#include "app/http/http_exchange.h"
#include "app/stream/gate.h"

/* Answers a refusal, or redirects the client to the server that has the stream (302). Yields. */
struct err *http_verdict_answer(struct http_exchange *x, const struct gate_request *request,
                                const struct gate_verdict *verdict, usec_t timeout);

#endif

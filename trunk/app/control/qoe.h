#ifndef APP_CONTROL_QOE_H
#define APP_CONTROL_QOE_H

/*
 * Reports of player pages, POST /api/v1/qoe, while `http_api { qoe on; }`. Everyone may send them,
 * from pages of all sites; nothing about a client is kept. Reading them (GET) has the API's rules
 * of access.
 */
#include "app/control/api_json.h"
#include "app/http/http_exchange.h"

/* A link of the HTTP chain. next: borrowed. NULL if out of memory. */
struct http_handler *qoe_new(struct http_handler *next);

/* For the table of the API's addresses: the figures of all streams with reports. */
int qoe_json(const struct api_query *query, json_t *out);

#endif

#ifndef APP_CONTROL_API_RAW_H
#define APP_CONTROL_API_RAW_H

/*
 * /api/v1/raw: the settings of the API, and reloads of the configuration.
 */
#include "app/control/api_json.h"

struct http_exchange;

/* Whether this request asks for a reload. */
int api_raw_is_change(const struct http_exchange *x);

/* By the parameter rpc: raw, reload, reload-fetch. */
MAY_YIELD int api_raw(const struct api_query *query, json_t *out);

#endif

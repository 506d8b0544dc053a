#ifndef APP_CONTROL_API_STREAMS_H
#define APP_CONTROL_API_STREAMS_H

/*
 * The API's streams and vhosts.
 */
#include "app/control/api_json.h"

/* "streams" or "stream"; the order is that of the ids. With is_part and count 0: "keys", the ids
 * alone, which is what is needed to find a page over several workers. */
MAY_YIELD int api_streams(const struct api_query *query, json_t *out);
/* "vhosts" or "vhost"; the order is that of the configuration. */
int api_streams_vhosts(const struct api_query *query, json_t *out);

#endif

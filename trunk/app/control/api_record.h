#ifndef APP_CONTROL_API_RECORD_H
#define APP_CONTROL_API_RECORD_H

/*
 * Recordings in the API: the state in each stream, and POST streams/ID/record, which starts and
 * stops one. The worker to which the stream's encoder publishes does it.
 */
#include "app/control/api_json.h"

struct stream;

/* {"active":…,"file":…,"bytes":…,"duration_ms":…}, without the last three for the public. */
json_t *api_record_json(const struct api_query *query, const struct stream *stream);

/* The last part of the path. */
#define API_RECORD_SUFFIX "/record"

/*
 * The internal address that a POST with this body means: "records-start" or "records-stop". NULL:
 * the body is none, with *why (constant).
 */
const char *api_record_action(const struct http_exchange *x, const char **why);

/* These addresses; `out` gets "record". */
int api_record_start(const struct api_query *query, json_t *out);
int api_record_stop(const struct api_query *query, json_t *out);

#endif

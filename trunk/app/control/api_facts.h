#ifndef APP_CONTROL_API_FACTS_H
#define APP_CONTROL_API_FACTS_H

/*
 * The API's answers that do not change while the server runs, and those for testing a client.
 */
#include "app/control/api_json.h"

int api_facts_versions(const struct api_query *query, json_t *out);
int api_facts_authors(const struct api_query *query, json_t *out);
int api_facts_features(const struct api_query *query, json_t *out);

/* Which server of a cluster has the stream that ?vhost=, ?app= and ?stream= name: asked by SRS's
 * origins of each other. */
int api_facts_clusters(const struct api_query *query, json_t *out);

/* What the client has sent, without its secrets; and an error. */
int api_facts_request(const struct api_query *query, json_t *out);
int api_facts_error(const struct api_query *query, json_t *out);

#endif

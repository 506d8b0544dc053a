#ifndef APP_CONTROL_API_SYSTEM_H
#define APP_CONTROL_API_SYSTEM_H

/*
 * The API's answers about the server and its machine. Each adds "data". Percentages are ratios: 1
 * is all of it.
 */
#include "app/control/api_json.h"

int api_system_summaries(const struct api_query *query, json_t *out);
int api_system_rusages(const struct api_query *query, json_t *out);
int api_system_process(const struct api_query *query, json_t *out);
int api_system_processors(const struct api_query *query, json_t *out);
int api_system_memory(const struct api_query *query, json_t *out);

#endif

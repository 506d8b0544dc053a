#ifndef APP_CONTROL_API_CONFIG_H
#define APP_CONTROL_API_CONFIG_H

/*
 * The configuration, as the API shows it.
 */
#include "app/control/api_json.h"

/* "config": all values in effect, by blocks; "vhosts" in it is a list. Secrets are masked. */
MAY_YIELD int api_config(const struct api_query *query, json_t *out);

/* raw?rpc=raw: the settings of the API itself. */
int api_config_raw(const struct config *config, json_t *out);

#endif

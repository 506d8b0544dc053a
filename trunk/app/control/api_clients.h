#ifndef APP_CONTROL_API_CLIENTS_H
#define APP_CONTROL_API_CLIENTS_H

/*
 * The API's clients: publishers and viewers, listed or kicked.
 */
#include "app/control/api_json.h"

/*
 * "clients" or "client"; the order is that of the ids. With is_part and count 0: "keys", the ids
 * alone.
 */
MAY_YIELD int api_clients(const struct api_query *query, json_t *out);

/* Closes the connection of this client, and adds "kick". 0; 1: the id does not exist here. */
int api_clients_kick(const struct api_query *query, json_t *out);

#endif

#ifndef APP_SERVER_SHED_H
#define APP_SERVER_SHED_H

/*
 * max_memory: what the server gives up, and in which order, when its memory is short. From 90 % of
 * the limit on nobody new is let in; at the limit, step by step until it is below: those go who
 * wait for a stream that nobody publishes; then what streams keep beyond their last group of
 * pictures; then the stream that has the most memory, one at a time. Never yields.
 */
#include "app/core/server.h"

#define SHED_TICK ((usec_t)200 * USEC_PER_MS)

/* Measures, sheds, and gives freed memory back where there is little to do. */
void shed_tick(struct server *server, usec_t now);

#endif

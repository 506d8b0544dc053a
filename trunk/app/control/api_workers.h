#ifndef APP_CONTROL_API_WORKERS_H
#define APP_CONTROL_API_WORKERS_H

/*
 * The API of a server with several workers: merges the answers of all workers.
 */
#include "app/control/api_gather.h"

/* The row of struct tables. */
extern const struct api_gather api_workers_gather;

#endif

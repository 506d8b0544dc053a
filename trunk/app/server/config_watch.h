#ifndef APP_SERVER_CONFIG_WATCH_H
#define APP_SERVER_CONFIG_WATCH_H

/*
 * inotify_auto_reload: reloads when a file of the configuration has changed. With several workers
 * the first one watches, and asks the master.
 */
#include "app/stream/observer.h"

/* The row. */
extern const struct observer config_watch_observer;

#endif

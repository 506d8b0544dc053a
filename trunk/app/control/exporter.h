#ifndef APP_CONTROL_EXPORTER_H
#define APP_CONTROL_EXPORTER_H

/*
 * Metrics for Prometheus, at /metrics: a link of the HTTP chain, a listener type, and an observer
 * that keeps the counters of streams up to date. The exporter's own addresses are open to every
 * machine; at the API's addresses the API's rules of access apply. While `exporter` is off, the
 * API's addresses answer {"code":1090}, as SRS does.
 */
#include "app/core/listener.h"
#include "app/http/http_exchange.h"
#include "app/stream/observer.h"

/* next: borrowed. NULL if out of memory. */
struct http_handler *exporter_new(struct http_handler *next);

/* Rows of the tables. */
extern const struct listener_type exporter_listener;
extern const struct observer exporter_observer;

#endif

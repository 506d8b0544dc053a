/*
 * The features of this server, one row each; no other file names them all. When the rows and the
 * files of a feature are removed, everything else still builds.
 */
#include "app/server/tables.h"

#include "app/cluster/coworkers.h"
#include "app/cluster/directory.h"
#include "app/cluster/edge.h"
#include "app/cluster/edge_publish.h"
#include "app/cluster/forward.h"
#include "app/cluster/http_pull.h"
#include "app/cluster/upstream_tls.h"
#include "app/control/api_state.h"
#include "app/control/api_workers.h"
#include "app/control/exporter.h"
#include "app/control/heartbeat.h"
#include "app/control/hooks.h"
#include "app/control/http_api.h"
#include "app/control/http_api_listener.h"
#include "app/control/http_console.h"
#include "app/control/qoe.h"
#include "app/hls/hls.h"
#include "app/hls/hls_http.h"
#include "app/hls/hls_worker.h"
#include "app/http/auth.h"
#include "app/http/cors.h"
#include "app/http/http_las.h"
#include "app/http/http_listener.h"
#include "app/http/http_live.h"
#include "app/http/http_mounts.h"
#include "app/http/http_page.h"
#include "app/http/http_publish.h"
#include "app/http/http_static.h"
#include "app/record/record.h"
#include "app/rtmp/rtmp_listener.h"
#include "app/server/config_watch.h"
#include "app/server/reload.h"
#include "app/stream/fanout.h"
#include "app/stream/gate.h"
#include "app/stream/quality.h"
#include "app/stream/rungs.h"
#include "app/stream/via_claim.h"
#include "app/workers/worker.h"
#include "app/workers/worker_http.h"
#include "app/workers/worker_reload.h"

/* Called in this order; stopped in the reverse order. */
static const struct observer *const observers[] = {&http_mounts_observer,
                                                   &fanout_observer,
                                                   &via_claim_observer,
                                                   &rungs_observer,
                                                   &quality_observer,
                                                   &worker_observer,
                                                   &upstream_tls_observer,
                                                   &directory_observer,
                                                   &coworkers_observer,
                                                   &edge_observer,
                                                   &forward_observer,
                                                   &config_watch_observer,
                                                   &api_state_observer,
                                                   &hooks_observer,
                                                   &exporter_observer,
                                                   &heartbeat_observer,
                                                   &record_observer,
                                                   &hls_observer,
                                                   NULL};

/* The cheapest gates are asked first. */
static const struct gate *const gates[] = {&gate_security, &gate_refer, &gate_token,
                                           &edge_gate,     &hooks_gate, NULL};

/* From the narrowest to the widest: the processes of this server, then all servers. */
static const struct claim *const claims[] = {&worker_claim, &directory_claim, NULL};

/* In the order in which they are opened, and so in which the log names them. */
static const struct listener_type *const listeners[] = {
    &rtmp_listener,     &http_listener,         &http_api_listener,
    &http_listener_tls, &http_api_listener_tls, &rtmp_listener_tls,
    &exporter_listener, &worker_http_listener,  NULL};

/* The first link that an address belongs to answers. */
static const http_link_new http_chain[] = {
    cors_new,     http_page_new, exporter_new,     qoe_new,       http_api_list_new,
    http_api_new, auth_new_open, http_publish_new, http_pull_new, hls_http_new,
    http_las_new, http_live_new, http_static_new,  NULL};
static const http_link_new api_chain[] = {cors_new,         exporter_new,    qoe_new, http_api_new,
                                          http_console_new, http_static_new, NULL};
static const http_link_new worker_chain[] = {worker_http_new, hls_worker_new, http_api_new, NULL};

const struct tables tables_all = {.observers = observers,
                                  .gates = gates,
                                  .claims = claims,
                                  .listeners = listeners,
                                  .http_chain = http_chain,
                                  .api_chain = api_chain,
                                  .worker_chain = worker_chain,
                                  .publish_route = &edge_publish_route,
                                  .reload = &reload_door,
                                  .reload_route = &worker_reload_route,
                                  .gather = &api_workers_gather};

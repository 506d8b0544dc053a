/*
 * Directives of the callbacks (http_hooks). The events are those of SRS, under its names;
 * on_demand, on_idle, the limits and the signature are our own.
 */
#include "app/config/config_table_rows.h"

#define HOOKS(field) CONFIG_AT_HTTP_HOOKS, offsetof(struct config_vhost, http_hooks.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", HOOKS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ENABLED", RELOAD,
     "Enable the callbacks."},
    {"on_connect", HOOKS(on[CONFIG_ON_CONNECT]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_CONNECT", RELOAD,
     "URLs queried when an RTMP client requests to publish or play."},
    {"on_close", HOOKS(on[CONFIG_ON_CLOSE]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_CLOSE", RELOAD,
     "URLs notified when the connection of such a client ends."},
    {"on_publish", HOOKS(on[CONFIG_ON_PUBLISH]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_PUBLISH", RELOAD,
     "URLs queried whether a client may publish."},
    {"on_unpublish", HOOKS(on[CONFIG_ON_UNPUBLISH]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_UNPUBLISH", RELOAD,
     "URLs notified when a publication ends."},
    {"on_play", HOOKS(on[CONFIG_ON_PLAY]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_PLAY", RELOAD,
     "URLs queried whether a viewer may play, before it waits for the stream."},
    {"on_stop", HOOKS(on[CONFIG_ON_STOP]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_STOP", RELOAD,
     "URLs notified when a viewer has stopped."},
    {"on_dvr", HOOKS(on[CONFIG_ON_DVR]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_DVR", RELOAD,
     "URLs notified of each recorded file that is finished."},
    {"on_hls", HOOKS(on[CONFIG_ON_HLS]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_HLS", RELOAD,
     "URLs notified of each HLS segment that is finished."},
    {"on_demand", HOOKS(on[CONFIG_ON_DEMAND]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_DEMAND", RELOAD,
     "URLs notified when the first viewer waits for a stream that nobody publishes."},
    {"on_idle", HOOKS(on[CONFIG_ON_IDLE]), CONFIG_URLS, "", 0, CONFIG_HOOK_MAX, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_ON_IDLE", RELOAD,
     "URLs notified when a published stream has had no viewers for idle_time since the last one left."},
    {"idle_time", HOOKS(idle_time), CONFIG_SECONDS, "30", 1, 24 * 3600, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_IDLE_TIME", RELOAD,
     "How long a stream is without viewers before on_idle is called."},
    {"timeout", HOOKS(timeout), CONFIG_SECONDS, "5", 1, 60, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_TIMEOUT", RELOAD,
     "Timeout of a whole call. A client whose call times out is refused."},
    {"max_calls", HOOKS(max_calls), CONFIG_INT, "256", 1, 100000, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_MAX_CALLS", RELOAD,
     "Limit of clients that wait for an answer at the same time, over all workers; further clients are "
     "refused with 503."},
    {"max_queue", HOOKS(max_queue), CONFIG_INT, "10000", 1, 1000000, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_MAX_QUEUE", RELOAD,
     "Limit of undelivered events per address and worker. One more replaces the oldest."},
    {"retry_time", HOOKS(retry_time), CONFIG_SECONDS, "60", 0, 24 * 3600, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_RETRY_TIME", RELOAD,
     "How long delivery of an event (on_close, on_unpublish, on_stop, on_dvr, on_hls, on_demand, on_idle) is retried."},
    {"secret", HOOKS(secret), CONFIG_SECRETS, "", 0, 1, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_SECRET", RELOAD,
     "Key that signs the body of each call: X-Millrace-Signature: sha256=, then HMAC-SHA256 in hexadecimal."},
    {"ca", HOOKS(ca), CONFIG_PATH, "", PATH_READ, NO_CHOICES,
     "SRS_VHOST_HTTP_HOOKS_CA", RELOAD,
     "CA bundle (PEM) that verifies https addresses; empty: the system's."},
};
/* clang-format on */

const struct config_rows config_table_hooks = CONFIG_ROWS(rows);

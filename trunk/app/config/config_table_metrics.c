/*
 * Directives of the reports of the server about itself: exporter (Prometheus reads them) and
 * heartbeat (the server sends them). Names and defaults are those of SRS.
 */
#include "app/config/config_table_rows.h"

#define EXPORTER(field)  CONFIG_AT_EXPORTER, offsetof(struct config, exporter.field)
#define HEARTBEAT(field) CONFIG_AT_HEARTBEAT, offsetof(struct config, heartbeat.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", EXPORTER(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_EXPORTER_ENABLED", RELOAD,
     "Enable the metrics, here and at the API's addresses."},
    {"listen", EXPORTER(listen), CONFIG_ENDPOINTS, "9972", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_EXPORTER_LISTEN", RELOAD,
     "Addresses of /metrics, which every machine may read there. A port alone: IPv4 and IPv6."},
    {"label", EXPORTER(label), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_EXPORTER_LABEL", RELOAD,
     "Value of label, a label of the metric srs_build_info; empty: the metric has no such label."},
    {"tag", EXPORTER(tag), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_EXPORTER_TAG", RELOAD,
     "Value of tag, another label of srs_build_info; empty: the metric has no such label."},
    {"streams", EXPORTER(streams), CONFIG_INT, "1000", 0, 10000, NO_CHOICES,
     "SRS_EXPORTER_STREAMS", RESTART,
     "Maximum number of streams with metrics of their own; all others are counted together."},

    {"enabled", HEARTBEAT(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_ENABLED", RELOAD,
     "Enable the heartbeat."},
    {"interval", HEARTBEAT(interval), CONFIG_SECONDS, "10", 1, 24 * 3600, NO_CHOICES,
     "SRS_HEARTBEAT_INTERVAL", RELOAD,
     "Time between two heartbeats."},
    {"url", HEARTBEAT(url), CONFIG_URL, "http://127.0.0.1:8085/api/v1/servers", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_URL", RELOAD,
     "URL to which the heartbeat is sent by POST."},
    {"device_id", HEARTBEAT(device_id), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_DEVICE_ID", RELOAD,
     "Name of this machine in the heartbeat."},
    {"ip", HEARTBEAT(ip), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_IP", RELOAD,
     "Address of this machine in the heartbeat; empty: that of its first network interface."},
    {"summaries", HEARTBEAT(summaries), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_SUMMARIES", RELOAD,
     "Include the answer of /api/v1/summaries."},
    {"ports", HEARTBEAT(ports), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HEARTBEAT_PORTS", RELOAD,
     "Include the addresses that the server listens on; SRS's proxy server needs them."},
};
/* clang-format on */

const struct config_rows config_table_metrics = CONFIG_ROWS(rows);

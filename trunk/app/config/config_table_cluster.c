/*
 * Directives that involve other servers: the blocks cluster and forward of a vhost.
 * config_table_rows.h explains the columns.
 */
#include "app/config/config_table_rows.h"

static const char *const modes[] = {"local", "remote", NULL};
static const char *const protocols[] = {"rtmp", "flv", "flvs", NULL};

#define CLUSTER(field) CONFIG_AT_CLUSTER, offsetof(struct config_vhost, cluster.field)
#define FORWARD(field) CONFIG_AT_FORWARD, offsetof(struct config_vhost, forward.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"mode", CLUSTER(mode), CONFIG_CHOICE, "local", NO_RANGE, modes,
     "SRS_VHOST_CLUSTER_MODE", RELOAD,
     "remote: an edge, which pulls streams from an origin while they have viewers."},
    {"origin", CLUSTER(origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ORIGIN", RELOAD,
     "Origins (host:port), tried in turn."},
    {"protocol", CLUSTER(protocol), CONFIG_CHOICE, "rtmp", NO_RANGE, protocols,
     "SRS_VHOST_CLUSTER_PROTOCOL", RELOAD,
     "Protocol towards the origins: RTMP, HTTP-FLV or HTTPS-FLV."},
    {"publish_origin", CLUSTER(publish_origin), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PUBLISH_ORIGIN", RELOAD,
     "Servers to which the edge relays publishers over RTMP; empty: origin, with port 1935 when "
     "protocol is not rtmp."},
    {"token_traverse", CLUSTER(token_traverse), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_TOKEN_TRAVERSE", RELOAD,
     "Ask the origin about each viewer, with the parameters of its URL, before it is served."},
    {"follow_client", CLUSTER(follow_client), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_FOLLOW_CLIENT", RELOAD,
     "Ask the origin by the viewer's own protocol, RTMP or HTTP-FLV, whatever protocol says."},
    {"vhost", CLUSTER(vhost), CONFIG_STRING, "[vhost]", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_VHOST", RELOAD,
     "Vhost requested from the origin."},
    {"stall_timeout", CLUSTER(stall_timeout), CONFIG_MS, "1000", 100, HOUR_MS, NO_CHOICES,
     "SRS_VHOST_CLUSTER_STALL_TIMEOUT", RELOAD,
     "Try the next origin after this long without media; five times as long if there is only one."},
    {"ca", CLUSTER(ca), CONFIG_PATH, "", PATH_READ, NO_CHOICES,
     "SRS_VHOST_CLUSTER_CA", RELOAD,
     "CA bundle (PEM) that verifies flvs and rediss peers; empty: the system's."},
    {"directory", CLUSTER(directory), CONFIG_DIRECTORY, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_DIRECTORY", RELOAD,
     "Redis in which origins register their published streams, and in which edges and origins look up "
     "the origin of a stream; see [directory](directory.md)."},
    {"advertise", CLUSTER(advertise), CONFIG_ADVERTISE, "", 0, CONFIG_PLACE_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ADVERTISE", RELOAD,
     "Address that an origin publishes in the directory; empty: the local address of its connection to "
     "the directory, with the ports of its first listeners."},
    {"lease", CLUSTER(lease), CONFIG_MS, "6000", 300, 60000, NO_CHOICES,
     "SRS_VHOST_CLUSTER_LEASE", RELOAD,
     "Lifetime of an entry in the directory; the origin renews it three times in this period."},
    {"peers", CLUSTER(peers), CONFIG_NETWORKS, "", 0, CONFIG_PROXY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_PEERS", RELOAD,
     "Addresses and networks of other edges that are trusted to report how many servers a request "
     "has passed."},
    {"secret", CLUSTER(secret), CONFIG_SECRETS, "", 0, CONFIG_KEY_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_SECRET", RELOAD,
     "Secret shared by all servers of a cluster: they sign with it how many servers a request has passed. An "
     "optional second value is the previous secret, which remains valid."},
    {"redirect", CLUSTER(redirect), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_REDIRECT", RELOAD,
     "Redirect clients (302) to the server that has the stream, instead of pulling it or relaying what they "
     "publish."},
    {"origin_cluster", CLUSTER(origin_cluster), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_CLUSTER_ORIGIN_CLUSTER", RELOAD,
     "Look up streams of other origins at coworkers, as in an origin cluster of SRS."},
    {"coworkers", CLUSTER(coworkers), CONFIG_ORIGINS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_CLUSTER_COWORKERS", RELOAD,
     "API addresses (host:port) of the other origins; see [coming from SRS](srs.md#together-with-srs)."},

    {"enabled", FORWARD(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_ENABLED", RELOAD,
     "Enable forwarding."},
    {"destination", FORWARD(destination), CONFIG_DESTINATIONS, "", 0, CONFIG_ORIGIN_MAX, NO_CHOICES,
     "SRS_VHOST_FORWARD_DESTINATION", RELOAD,
     "RTMP destinations: host:port, or rtmp(s)://host:port/[app]/[stream]?vhost=name; repeatable."},
    {"backend", FORWARD(backend), CONFIG_URL, "", NO_RANGE, NO_CHOICES,
     "SRS_VHOST_FORWARD_BACKEND", RELOAD,
     "URL queried for destinations when a stream is published; if it does not answer, destination is used."},
    {"ca", FORWARD(ca), CONFIG_PATH, "", PATH_READ, NO_CHOICES,
     "SRS_VHOST_FORWARD_CA", RELOAD,
     "CA bundle (PEM) that verifies https and rtmps peers; empty: the system's."},
};
/* clang-format on */

const struct config_rows config_table_cluster = CONFIG_ROWS(rows);

/*
 * Directives of HTTP: the http_server block with https and http_pull.
 * config_table_rows.h explains the columns.
 */
#include "app/config/config_table_rows.h"

#define HTTP(field)  CONFIG_AT_HTTP_SERVER, offsetof(struct config, http_server.field)
#define HTTPS(field) CONFIG_AT_HTTPS, offsetof(struct config, http_server.https.field)
#define PULL(field)  CONFIG_AT_HTTP_PULL, offsetof(struct config, http_server.http_pull.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", HTTP(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_ENABLED", RELOAD,
     "Enable HTTP."},
    {"listen", HTTP(listen), CONFIG_ENDPOINTS, "8080", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_LISTEN", RELOAD,
     "Addresses that accept HTTP; repeatable. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTP(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses."},
    {"dir", HTTP(dir), CONFIG_PATH, "./objs/nginx/html", PATH_SERVE, NO_CHOICES,
     "SRS_HTTP_SERVER_DIR", RELOAD,
     "Directory of static files."},
    {"crossdomain", HTTP(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_CROSSDOMAIN", RELOAD,
     "Allow pages of other sites to fetch (CORS) and to open WebSockets. off: WebSockets only from pages of "
     "this host and from clients that are not browsers."},
    {"frame_ancestors", HTTP(frame_ancestors), CONFIG_FRAMES, "self", 1, CONFIG_FRAME_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_FRAME_ANCESTORS", RELOAD,
     "Sites that may embed pages of this server, such as the player, in a frame: self, none, * or "
     "sites such as https://example.com."},

    {"enabled", HTTPS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_ENABLED", RELOAD,
     "Enable HTTPS."},
    {"listen", HTTPS(listen), CONFIG_ENDPOINTS, "8088", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_LISTEN", RELOAD,
     "Addresses that accept HTTPS; repeatable. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", HTTPS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses, before the TLS handshake."},
    {"http2", HTTPS(http2), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_HTTP2", RELOAD,
     "Offer HTTP/2 to clients; see [HTTP/2](https.md#http2)."},
    {"key", HTTPS(key), CONFIG_PATH, "./conf/server.key", PATH_SECRET, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_KEY", RELOAD,
     "Private key (PEM); reloaded when the file changes."},
    {"cert", HTTPS(cert), CONFIG_PATH, "./conf/server.crt", PATH_SECRET, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTPS_CERT", RELOAD,
     "Certificate with its chain (PEM); reloaded when the file changes."},

    {"enabled", PULL(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_ENABLED", RELOAD,
     "Enable http_pull: an address that takes app, stream and src from the query."},
    {"mount", PULL(mount), CONFIG_STRING, "/live", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_MOUNT", RELOAD,
     "Path of the address, as in /live?src=a&app=myapp&stream=test; without src the stream is one of this server."},
    {"source", PULL(source), CONFIG_SOURCES, "", 0, CONFIG_SOURCE_MAX, NO_CHOICES,
     "SRS_HTTP_SERVER_HTTP_PULL_SOURCE", RELOAD,
     "A value of src and its server: rtmp://host:port, or the http address of nginx-http-flv; repeatable. "
     "Only listed servers are contacted."},
};
/* clang-format on */

const struct config_rows config_table_http = CONFIG_ROWS(rows);

/*
 * Directives of the HTTP API: the http_api block with auth, https and raw_api.
 * config_table_rows.h explains the columns.
 */
#include "app/config/config_table_rows.h"

#define API(field)  CONFIG_AT_HTTP_API, offsetof(struct config, http_api.field)
#define AUTH(field) CONFIG_AT_API_AUTH, offsetof(struct config, http_api.auth.field)
#define TLS(field)  CONFIG_AT_API_HTTPS, offsetof(struct config, http_api.https.field)
#define RAW(field)  CONFIG_AT_API_RAW, offsetof(struct config, http_api.raw_api.field)

/* clang-format off */
static const struct config_row rows[] = {
    {"enabled", API(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_ENABLED", RELOAD,
     "Enable the API."},
    {"open", API(open), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_OPEN", RELOAD,
     "Answer other machines without a password, too: turn this on only where the port is protected. "
     "off: only public data is available to other machines. Has no effect with auth."},
    {"listen", API(listen), CONFIG_ENDPOINTS, "1985", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_API_LISTEN", RELOAD,
     "Addresses of the API; may be an address of http_server. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", API(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses."},
    {"crossdomain", API(crossdomain), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_CROSSDOMAIN", RELOAD,
     "Allow pages of other sites to call the API (CORS), without credentials; while open is off, only for "
     "public data."},
    {"jsonp", API(jsonp), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_JSONP", RELOAD,
     "Answer ?callback=NAME with a script that calls NAME, for the console of SRS; pages of this host may then "
     "also disconnect clients with ?method=DELETE."},
    {"list", API(list), CONFIG_SWITCH, "on", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_LIST", RELOAD,
     "Show everyone which streams are published, without their clients: the player page lists them. With auth, only "
     "at /players/streams.json."},
    {"qoe", API(qoe), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_QOE", RELOAD,
     "Accept reports of player pages about start-up time, stalls and latency; see [qoe](qoe.md)."},

    {"enabled", AUTH(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_AUTH_ENABLED", RELOAD,
     "Require the name and the password at all addresses of the API."},
    {"username", AUTH(username), CONFIG_STRING, "", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_AUTH_USERNAME", RELOAD,
     "The name; without a colon."},
    {"password", AUTH(password), CONFIG_SECRETS, "", 0, 1, NO_CHOICES,
     "SRS_HTTP_API_AUTH_PASSWORD", RELOAD,
     "The password."},

    {"enabled", TLS(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_ENABLED", RELOAD,
     "Enable HTTPS for the API."},
    {"listen", TLS(listen), CONFIG_ENDPOINTS, "1990", 1, CONFIG_LISTEN_MAX, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_LISTEN", RELOAD,
     "Addresses of the API over HTTPS; may be one of http_server's https. A port alone: IPv4 and IPv6."},
    {"proxy_protocol", TLS(proxy_protocol), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_PROXY_PROTOCOL", RELOAD,
     "Expect a PROXY header from trusted_proxies on these addresses."},
    {"http2", TLS(http2), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_HTTP2", RELOAD,
     "Offer HTTP/2 to clients; see [HTTP/2](https.md#http2)."},
    {"key", TLS(key), CONFIG_PATH, "./conf/server.key", PATH_SECRET, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_KEY", RELOAD,
     "Private key (PEM)."},
    {"cert", TLS(cert), CONFIG_PATH, "./conf/server.crt", PATH_SECRET, NO_CHOICES,
     "SRS_HTTP_API_HTTPS_CERT", RELOAD,
     "Certificate chain (PEM)."},

    {"enabled", RAW(enabled), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_RAW_API_ENABLED", RELOAD,
     "Enable the actions of /api/v1/raw that are allowed below."},
    {"allow_reload", RAW(allow_reload), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_RAW_API_ALLOW_RELOAD", RELOAD,
     "Allow raw?rpc=reload, which reloads the configuration."},
    {"allow_query", RAW(allow_query), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_RAW_API_ALLOW_QUERY", RELOAD,
     "Shown by raw?rpc=raw; it allows nothing, as in newer versions of SRS."},
    {"allow_update", RAW(allow_update), CONFIG_SWITCH, "off", NO_RANGE, NO_CHOICES,
     "SRS_HTTP_API_RAW_API_ALLOW_UPDATE", RELOAD,
     "Shown by raw?rpc=raw; it allows nothing, as in newer versions of SRS."},
};
/* clang-format on */

const struct config_rows config_table_api = CONFIG_ROWS(rows);

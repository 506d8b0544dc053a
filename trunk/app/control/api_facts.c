/*
 * Scripts ask for the version to find out which answers to expect, so `major`, `minor`, `revision`
 * and `version` are those of the SRS whose API this is; `name` and `release` say which server
 * answers.
 */
#include "app/control/api_facts.h"

#include "app/http/http_exchange.h"
#include "app/stream/observer.h"
#include "app/stream/stream.h"
#include "base/str.h"
#include "base/version.h"
#include "media/mux.h"
#include "proto/url.h"

#include <string.h>

/* The SRS whose addresses and fields these are. */
#define SRS_MAJOR    7
#define SRS_MINOR    0
#define SRS_REVISION 18

#define TEST_ERROR 100

int api_facts_versions(const struct api_query *query, json_t *out)
{
    char version[32];

    (void)query;
    (void)str_format(version, sizeof(version), "%d.%d.%d", SRS_MAJOR, SRS_MINOR, SRS_REVISION);
    return api_json_set(out, "data",
                        json_pack("{s:i,s:i,s:i,s:s,s:s,s:s}", "major", SRS_MAJOR, "minor",
                                  SRS_MINOR, "revision", SRS_REVISION, "version", version, "name",
                                  MILLRACE_NAME, "release", MILLRACE_VERSION));
}

int api_facts_authors(const struct api_query *query, json_t *out)
{
    (void)query;
    return api_json_set(
        out, "data",
        json_pack("{s:s,s:s}", "license", "MIT", "contributors", MILLRACE_NAME " authors"));
}

int api_facts_features(const struct api_query *query, json_t *out)
{
    static const struct {
        const char *name;
        int is_there;
    } features[] = {{"ssl", 1},         {"hls", 1},        {"hds", 0},    {"callback", 1},
                    {"api", 1},         {"httpd", 1},      {"dvr", 1},    {"transcode", 0},
                    {"ingest", 0},      {"stat", 1},       {"caster", 0}, {"complex_send", 1},
                    {"tcp_nodelay", 1}, {"so_sendbuf", 1}, {"mr", 1}};
    json_t *list = json_object();
    int rc = 0;

    (void)query;
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        rc |= api_json_set(list, features[i].name, json_boolean(features[i].is_there));
    if (rc != 0) {
        json_decref(list);
        return -1;
    }
    return api_json_set(out, "data",
                        json_pack("{s:s,s:s,s:s,s:s,s:o}", "options", "", "options2", "", "build",
                                  MILLRACE_VERSION, "build2", MILLRACE_NAME " " MILLRACE_VERSION,
                                  "features", list));
}

/* ---- clusters ---- */

struct cluster_query {
    char vhost[256], ip[64], app[256], stream[256], coworker[256];
};

static void cluster_query_read(const char *query, struct cluster_query *out)
{
    memset(out, 0, sizeof(*out));
    (void)url_query_get(query, "vhost", out->vhost, sizeof(out->vhost));
    (void)url_query_get(query, "ip", out->ip, sizeof(out->ip));
    (void)url_query_get(query, "app", out->app, sizeof(out->app));
    (void)url_query_get(query, "stream", out->stream, sizeof(out->stream));
    (void)url_query_get(query, "coworker", out->coworker, sizeof(out->coworker));
}

static int is_live(const struct server *server, const char *key)
{
    const struct source *source = hub_find(server->hub, key);

    return (source != NULL && source_state(source) == SOURCE_LIVE) ||
           observers_are_elsewhere(server, key);
}

/* Whether an encoder publishes this stream here or at another worker. An edge of SRS whose first
 * viewer uses HTTP asks for its file name, and RTMP serves that name too. */
static int is_published(const struct server *server, const struct config_vhost *vhost,
                        const struct cluster_query *wanted)
{
    char key[SOURCE_KEY_MAX];
    char *dot;

    if (vhost == NULL ||
        str_format(key, sizeof(key), "%s/%s/%s", vhost->name, wanted->app, wanted->stream) != 0)
        return 0;
    if (is_live(server, key))
        return 1;
    dot = strrchr(key, '.');
    if (dot == NULL || dot[-1] == '/' || mux_find(dot) == NULL)
        return 0;
    *dot = '\0';
    return is_live(server, key);
}

/* The address under which the asker knows this server is that under which clients reach it. */
static json_t *origin_json(const struct server *server, const struct config_vhost *vhost,
                           const struct cluster_query *wanted)
{
    const struct config *config = server->config;
    int64_t port = config->public_rtmp_port != 0 ? config->public_rtmp_port : server->rtmp_port;
    char host[256];
    int api_port;

    if (url_authority_parse(wanted->coworker, strlen(wanted->coworker), host, sizeof(host),
                            &api_port) != 0)
        (void)str_copy(host, sizeof(host), wanted->coworker);
    return json_pack("{s:o,s:I,s:o,s:o,s:[o]}", "ip", api_json_text(host), "port", (json_int_t)port,
                     "vhost", api_json_text(vhost->name), "api", api_json_text(wanted->coworker),
                     "routers", api_json_text(wanted->coworker));
}

int api_facts_clusters(const struct api_query *query, json_t *out)
{
    const struct server *server = query->server;
    const struct config_vhost *vhost;
    struct cluster_query wanted;
    json_t *origin;

    cluster_query_read(query->x->request->query, &wanted);
    vhost = config_vhost_find(server->config, wanted.vhost);
    origin =
        is_published(server, vhost, &wanted) ? origin_json(server, vhost, &wanted) : json_null();
    return api_json_set(out, "data",
                        json_pack("{s:{s:o,s:o,s:o,s:o},s:o}", "query", "ip",
                                  api_json_text(wanted.ip), "vhost", api_json_text(wanted.vhost),
                                  "app", api_json_text(wanted.app), "stream",
                                  api_json_text(wanted.stream), "origin", origin));
}

/* ---- tests ---- */

static int is_secret(const char *name)
{
    return str_ieq(name, "Authorization") || str_ieq(name, "Proxy-Authorization") ||
           str_ieq(name, "Cookie");
}

int api_facts_request(const struct api_query *query, json_t *out)
{
    const struct http_message *request = query->x->request;
    json_t *headers = json_object();

    for (size_t i = 0; i < request->header_count; i++)
        if (api_json_set(headers, request->headers[i].name,
                         is_secret(request->headers[i].name)
                             ? json_string("***")
                             : api_json_text(request->headers[i].value)) != 0) {
            json_decref(headers);
            return -1;
        }
    return api_json_set(
        out, "data",
        json_pack("{s:o,s:o,s:s,s:o,s:{s:s,s:s}}", "uri", api_json_text(request->target), "path",
                  api_json_text(request->path), "METHOD", request->method, "HEADERS", headers,
                  "server", "name", MILLRACE_NAME, "version", MILLRACE_VERSION));
}

int api_facts_error(const struct api_query *query, json_t *out)
{
    (void)query;
    return json_object_clear(out) != 0 ? -1
                                       : json_object_set_new(out, "code", json_integer(TEST_ERROR));
}

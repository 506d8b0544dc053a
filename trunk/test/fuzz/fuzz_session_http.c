/*
 * An HTTP connection with the whole server: live streams, WebSocket, files, the player page, the
 * API, metrics, pipelined requests. The input's first two bytes choose the listener, whether a
 * stream is live, and how the client behaves; the rest is what it sends. However it ends, the
 * server becomes idle again.
 */
#include "sim_server.h"

#include "app/control/exporter.h"
#include "app/control/http_api_listener.h"
#include "app/http/http_listener.h"
#include "app/workers/worker_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] =
    "listen 1935; max_connections 30; http_idle_timeout 30000;\n"
    "http_server { enabled on; listen 8080; dir %s;\n"
    "  http_pull { enabled on; source a http://192.0.2.1:81/[app]/[stream].flv; } }\n"
    "http_api { enabled on; listen 1985; jsonp on; qoe on;\n"
    "  auth { enabled on; username u; password secret-word; }\n"
    "  raw_api { enabled on; allow_reload on; allow_query on; allow_update on; } }\n"
    "exporter { enabled on; }\n"
    "vhost __defaultVhost__ {\n"
    " publish { http on; takeover replace; kickoff_for_idle 10; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; rewind 10;\n"
    "  mount [vhost]/[app]/[stream].flv; }\n"
    "}\n"
    "vhost two.example {\n"
    " http_remux { enabled on; mount [vhost]/x/[stream].ts; republish_wait 1000; }\n"
    " http_static { enabled on; mount [vhost]/files; dir %s; }\n"
    "}\n"
    "vhost guarded.example {\n"
    " publish { http on; }\n"
    " http_remux { enabled on; hstrs off; republish_wait 1000; }\n"
    " refer { enabled on; all good.example; }\n"
    " token { enabled on; key 0123456789abcdef0123456789abcdef; }\n"
    "}\n";

/* After a reload: other mounts, no publishing, no page, another password. */
static const char changed[] =
    "listen 1935; max_connections 30; http_idle_timeout 30000;\n"
    "http_server { enabled on; listen 8080; crossdomain off; }\n"
    "http_api { enabled on; listen 1985; auth { enabled on; username u; password other-word; } }\n"
    "vhost __defaultVhost__ {\n"
    " http_remux { enabled on; republish_wait 1000; mount [vhost]/other/[stream].flv; }\n"
    "}\n"
    "vhost two.example {\n"
    " http_remux { enabled off; mount [vhost]/x/[stream].ts; }\n"
    "}\n";

static struct server *server;
static int pushes;

/* A folder with a page, and a recording that can be sought in. */
static void files_make(const char *folder)
{
    static const uint8_t flv[] = {'F', 'L', 'V', 1,  5, 0, 0, 0,    9,    0, 0, 0,    0,
                                  9,   0,   0,   11, 0, 0, 0, 0,    0,    0, 0, 0x17, 1,
                                  0,   0,   0,   0,  0, 0, 2, 0x65, 0x88, 0, 0, 0,    22};
    static const char page[] = "<html><body>page</body></html>";
    char path[300];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/index.html", folder);
    file = fopen(path, "we");
    if (file == NULL || fwrite(page, 1, sizeof(page) - 1, file) == 0 || fclose(file) != 0)
        abort();
    (void)snprintf(path, sizeof(path), "%s/a.flv", folder);
    file = fopen(path, "we");
    if (file == NULL || fwrite(flv, 1, sizeof(flv), file) == 0 || fclose(file) != 0)
        abort();
}

static char folder[] = "/tmp/fuzz_session_http.XXXXXX";

static void files_remove(void)
{
    char path[300];

    (void)snprintf(path, sizeof(path), "%s/index.html", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/a.flv", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void start(void)
{
    char text[4096];

    if (mkdtemp(folder) == NULL)
        abort();
    files_make(folder);
    (void)atexit(files_remove);
    (void)snprintf(text, sizeof(text), conf, folder, folder);
    server = sim_server_start(text);
}

static void push(void *arg)
{
    struct sim_publisher *p = arg;

    if (pushes++ == 1)
        sim_reload(server, changed);
    if (p->source != NULL)
        sim_publish_frames(p, 2);
}

/* For the lists of the API. */
static struct sim_socket *viewer(void)
{
    static const char head[] = "GET /live/s.flv HTTP/1.1\r\nHost: h\r\n\r\n";
    struct sim_socket *s = sim_server_accept(server, &http_listener, "192.0.2.8");

    sim_send(s, head, sizeof(head) - 1);
    sim_settle();
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct listener_type *const types[] = {&http_listener, &http_listener,
                                                        &http_api_listener, &exporter_listener};
    struct sim_publisher publisher = {0};
    struct sim_socket *other = NULL;
    struct sim_socket *s;

    if (server == NULL)
        start();
    if (size < 2 || size > 65536)
        return 0;
    sim_again();
    pushes = 0;
    size = sim_memory_arm(data, size);
    size = sim_reload_arm(data, size);
    if (size < 2)
        return 0;
    if (data[0] & 1 && sim_publish(server, "live", "s", &publisher) == 0) {
        sim_publish_headers(&publisher);
        sim_publish_frames(&publisher, 3);
    }
    s = sim_server_accept(server, types[data[0] >> 1 & 3], data[0] & 8 ? "127.0.0.1" : "192.0.2.7");
    if (data[0] & 16)
        other = viewer();
    sim_peer_run(s, data + 1, size - 1, push, &publisher);
    if (other != NULL)
        sim_release(other);
    sim_unpublish(&publisher);
    sim_server_rest(server);
    return 0;
}

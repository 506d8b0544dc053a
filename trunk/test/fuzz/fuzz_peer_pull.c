/*
 * A hostile origin: an edge pulls a stream over RTMP or HTTP-FLV for a viewer, and each connection
 * to the origin gets a part of the input (sim_origin.h). The input's first byte chooses the vhost
 * and the viewer.
 */
#include "sim_origin.h"
#include "sim_server.h"

#include "app/http/http_listener.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Steps of an input at most, and the time that the edge gets after the last one. */
#define STEPS_MAX 4096
#define AFTER     (4 * USEC_PER_SEC)

static const char conf[] =
    "listen 1935; max_connections 30; max_message 1m;\n"
    "http_server { enabled on; listen 8080;\n"
    "  http_pull { enabled on; source a http://192.0.2.1:81/[app]/[stream].flv; } }\n"
    "vhost rtmp.example {\n"
    " cluster { mode remote; origin 192.0.2.1:1935 192.0.2.2:1935; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n"
    "vhost flv.example {\n"
    " cluster { mode remote; origin 192.0.2.1:8080 192.0.2.2:8080; protocol flv; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n"
    "vhost follow.example {\n"
    " cluster { mode remote; origin 192.0.2.1:1935; token_traverse on; stall_timeout 500;\n"
    "  follow_client on; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; hstrs off; }\n"
    "}\n";

/* After a reload: other origins, another protocol, one vhost less. */
static const char other[] =
    "listen 1935; max_connections 30; max_message 1m;\n"
    "http_server { enabled on; listen 8080;\n"
    "  http_pull { enabled on; source a http://192.0.2.3:81/[app]/[stream].flv; } }\n"
    "vhost rtmp.example {\n"
    " cluster { mode remote; origin 192.0.2.2:1935 192.0.2.3:1935; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 2000; }\n"
    "}\n"
    "vhost flv.example {\n"
    " cluster { mode remote; origin 192.0.2.1:1935; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n";

static struct server *server;

static struct sim_socket *viewer(unsigned how)
{
    static const char *const targets[] = {
        "live/s.flv?vhost=rtmp.example", "live/s.ts?vhost=flv.example",
        "live/s.flv?vhost=follow.example&t=1", "live?src=a&app=live&stream=s"};
    struct sim_socket *s = sim_server_accept(server, &http_listener, "192.0.2.7");
    char head[200];
    int n = snprintf(head, sizeof(head), "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n", targets[how & 3]);

    sim_send(s, head, (size_t)n);
    sim_settle();
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_socket *s;
    int steps = 0;

    if (server == NULL)
        server = sim_server_start(conf);
    if (size < 2 || size > 65536)
        return 0;
    sim_again();
    size = sim_memory_arm(data, size);
    size = sim_reload_arm(data, size);
    if (size < 2)
        return 0;
    sim_origin_begin(data + 1, size - 1);
    s = viewer(data[0]);
    while (sim_origin_step() && s->is_open && steps++ < STEPS_MAX)
        continue;
    /* Later tries, and time-outs. */
    for (int i = 0; i < 40 && s->is_open; i++) {
        sim_run(AFTER / 40);
        if (i == 2)
            sim_reload(server, other);
        while (sim_origin_step() && steps++ < STEPS_MAX)
            continue;
    }
    sim_release(s);
    sim_settle();
    sim_origin_end();
    sim_server_rest(server);
    return 0;
}

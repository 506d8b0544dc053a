/*
 * A hostile Redis as the directory of a cluster: each connection to it, for commands or for the
 * channel, and each connection to an origin that it names, gets a part of the input
 * (sim_origin.h). Meanwhile an encoder publishes and a viewer asks for a stream. The input's first
 * byte chooses what they do.
 */
#include "sim_origin.h"
#include "sim_server.h"

#include "app/http/http_listener.h"
#include "app/rtmp/rtmp_listener.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 2048
#define AFTER     (10 * USEC_PER_SEC)

static const char conf[] =
    "listen 1935; max_connections 30;\n"
    "http_server { enabled on; listen 8080; }\n"
    "vhost __defaultVhost__ {\n"
    " cluster { directory redis://u:p@192.0.2.5:6379/2; advertise 192.0.2.1; lease 2000;\n"
    "  protocol flv; secret 0123456789abcdef; redirect on; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n"
    "vhost edge.example {\n"
    " cluster { mode remote; directory redis://u:p@192.0.2.5:6379/2; protocol flv;\n"
    "  vhost __defaultVhost__; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n";

/* After a reload: another directory for the origin, none for the edge. */
static const char changed[] =
    "listen 1935; max_connections 30;\n"
    "http_server { enabled on; listen 8080; }\n"
    "vhost __defaultVhost__ {\n"
    " cluster { directory redis://192.0.2.6:6379/1; advertise 192.0.2.1; lease 3000;\n"
    "  protocol flv; redirect on; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n"
    "vhost edge.example {\n"
    " cluster { mode remote; origin 192.0.2.1:8080; protocol flv; }\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    "}\n";

static struct server *server;

struct encoder {
    struct sim_publisher publisher;
    int is_on;
};

static MAY_YIELD void encoder_run(void *arg)
{
    struct encoder *encoder = arg;

    encoder->is_on = sim_publish(server, "live", "s", &encoder->publisher) == 0;
    if (encoder->is_on) {
        sim_publish_headers(&encoder->publisher);
        sim_publish_frames(&encoder->publisher, 2);
    }
}

static void answers(usec_t time, int *steps)
{
    for (int i = 0; i < 20; i++) {
        while (sim_origin_step() && (*steps)++ < STEPS_MAX)
            continue;
        sim_run(time / 20);
    }
}

static void viewer(struct sim_socket *s, unsigned how)
{
    static const char *const heads[] = {
        "GET /live/s.flv?vhost=edge.example HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /live/s.flv HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /live/s.ts HTTP/1.1\r\nHost: edge.example\r\n\r\n",
        "GET /live/other.flv HTTP/1.1\r\nHost: h\r\n\r\n"};

    sim_send(s, heads[how & 3], strlen(heads[how & 3]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct encoder encoder = {.is_on = 0};
    struct sim_socket *remote = NULL;
    struct sim_socket *s;
    struct co *co;
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
    answers(AFTER, &steps); /* until the connections are up */
    s = sim_server_accept(server, &http_listener, "192.0.2.8");
    if (data[0] & 4)
        viewer(s, data[0]);
    if (data[0] & 8) {
        remote = sim_server_accept(server, &rtmp_listener, "192.0.2.7");
        sim_encoder(remote);
    }
    co = co_spawn_joinable(encoder_run, &encoder);
    answers(AFTER / 4, &steps);
    if (!(data[0] & 4))
        viewer(s, data[0]);
    answers(AFTER / 2, &steps);
    sim_reload(server, changed);
    answers(AFTER / 2, &steps);
    if (co != NULL)
        co_join(co);
    sim_unpublish(&encoder.publisher);
    sim_release(s);
    if (remote != NULL)
        sim_release(remote);
    answers(AFTER / 4, &steps);
    sim_origin_end();
    sim_server_rest(server);
    return 0;
}

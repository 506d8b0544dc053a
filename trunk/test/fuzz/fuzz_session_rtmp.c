/*
 * An RTMP connection with the whole server: the input's first two bytes choose how the client
 * behaves, the rest is what it sends, from the handshake on. It may publish and play, on several
 * message streams, also a stream that is live. However it ends, the server becomes idle again.
 */
#include "sim_server.h"

#include "app/rtmp/rtmp_listener.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct server *server;

static const char conf[] = "listen 1935; max_connections 30; rtmp_handshake_timeout 10000;\n"
                           "max_message 1m; chunk_size 128;\n"
                           "vhost __defaultVhost__ {\n"
                           " publish { mr on; takeover replace; }\n"
                           " play { mix_correct on; }\n"
                           " http_remux { enabled on; republish_wait 1000; rewind 10; }\n"
                           " cluster { secret 0123456789abcdef; peers 10.0.0.0/8; }\n"
                           "}\n"
                           "vhost plain.example { tcp_nodelay on; min_latency on;\n"
                           " publish { kickoff_for_idle 10; }\n"
                           " http_remux { republish_wait 1000; }\n"
                           "}\n"
                           "vhost guarded.example {\n"
                           " security { enabled on; allow play 10.0.0.0/8; }\n"
                           " refer { enabled on; all \"good.example\"; }\n"
                           " token { enabled on; key 0123456789abcdef0123456789abcdef; }\n"
                           "}\n";

/* After a reload: smaller chunks, nobody from outside, another key. */
static const char changed[] = "listen 1935; max_connections 30; rtmp_handshake_timeout 10000;\n"
                              "max_message 1m; chunk_size 256;\n"
                              "vhost __defaultVhost__ {\n"
                              " play { gop_cache off; }\n"
                              " security { enabled on; allow publish 10.0.0.0/8; }\n"
                              " http_remux { enabled on; republish_wait 1000; }\n"
                              "}\n"
                              "vhost guarded.example {\n"
                              " token { enabled on; key 0123456789abcdef0123456789abcdee; }\n"
                              "}\n";

struct run {
    struct sim_publisher publisher;
    struct sim_socket *rival; /* another encoder of live/s, once the input's client has begun */
    int has_rival;
    int steps;
};

static void push(void *arg)
{
    struct run *run = arg;

    if (run->publisher.source != NULL)
        sim_publish_frames(&run->publisher, 2);
    if (run->steps++ == 2)
        sim_reload(server, changed);
    if (run->has_rival && run->rival == NULL) {
        run->rival = sim_server_accept(server, &rtmp_listener, "192.0.2.9");
        sim_encoder(run->rival);
    }
}

/* The handshake is not worth the fuzzer's time: with this bit the input begins after it. */
static void shake(struct sim_socket *s)
{
    static const uint8_t hello[1 + 1536] = {3};

    sim_send(s, hello, sizeof(hello));
    sim_settle();
    sim_send(s, hello + 1, 1536);
    sim_settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.has_rival = size > 0 && (data[0] & 8) != 0};
    struct sim_socket *s;

    if (server == NULL)
        server = sim_server_start(conf);
    if (size < 2 || size > 65536)
        return 0;
    sim_again();
    size = sim_memory_arm(data, size);
    size = sim_reload_arm(data, size);
    if (size < 2)
        return 0;
    if (data[0] & 1 && sim_publish(server, "live", "s", &run.publisher) == 0) {
        sim_publish_headers(&run.publisher);
        sim_publish_frames(&run.publisher, 3);
    }
    s = sim_server_accept(server, &rtmp_listener, data[0] & 2 ? "10.1.2.3" : "192.0.2.7");
    if (data[0] & 4)
        shake(s);
    sim_peer_run(s, data + 1, size - 1, push, &run);
    if (run.rival != NULL)
        sim_release(run.rival);
    sim_unpublish(&run.publisher);
    sim_server_rest(server);
    return 0;
}

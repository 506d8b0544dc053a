/*
 * A WebSocket viewer: the handshake is said, the input's first byte chooses the format, the second
 * how the client behaves, the rest is what it sends as frames, while the stream plays.
 */
#include "sim_server.h"

#include "app/http/http_listener.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] = "listen 1935; max_connections 30;\n"
                           "http_server { enabled on; listen 8080; crossdomain off; }\n"
                           "vhost __defaultVhost__ {\n"
                           " http_remux { enabled on; republish_wait 1000; standby_timeout 3000;\n"
                           "  mount [vhost]/[app]/[stream].flv; }\n"
                           "}\n"
                           "vhost off.example {\n"
                           " http_remux { enabled on; hstrs off; republish_wait 1000; }\n"
                           "}\n";

static struct server *server;

static void push(void *arg)
{
    sim_publish_frames(arg, 2);
}

/* is_early: frames follow at once, before the answer. */
static void upgrade(struct sim_socket *s, unsigned how, int is_early)
{
    static const char *const types[] = {"flv", "ts", "aac", "mp3"};
    char head[400];
    /* What may be wrong with a handshake. */
    static const char *const lines[] = {"",
                                        "Sec-WebSocket-Protocol: a, b\r\n",
                                        "Origin: http://other.example\r\n",
                                        "Origin: http://h\r\n",
                                        "Sec-WebSocket-Protocol: a b\r\n",
                                        "Sec-WebSocket-Protocol: a\r\nCookie: x=y\r\n",
                                        "Connection: close\r\n",
                                        "X-Forwarded-For: 192.0.2.9\r\n"};
    static const char *const keys[] = {
        "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j$Q==", "x"};
    int n = snprintf(head, sizeof(head),
                     "GET /live/%s.%s%s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: %s\r\n"
                     "Sec-WebSocket-Key: %s\r\n%s\r\n",
                     how & 0x20 ? "none" : "s", types[how & 3],
                     how & 0x40 ? "?vhost=off.example" : "", (how & 0xa0) == 0xa0 ? "8" : "13",
                     keys[(how & 0xa0) == 0x80 ? how >> 2 & 3 : 0], lines[how >> 2 & 7]);

    sim_send(s, head, (size_t)n);
    if (!is_early)
        sim_settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_publisher publisher = {0};
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
    if (sim_publish(server, "live", "s", &publisher) != 0)
        return 0;
    sim_publish_headers(&publisher);
    sim_publish_frames(&publisher, 3);
    s = sim_server_accept(server, &http_listener, "192.0.2.7");
    upgrade(s, data[0], (data[1] & 0x40) != 0);
    sim_peer_run(s, data + 1, size - 1, push, &publisher);
    sim_unpublish(&publisher);
    sim_server_rest(server);
    return 0;
}

/*
 * A PROXY header in front of a session, from a proxy that is trusted or from anybody, and the
 * limits by address that count the client it names. The input's first two bytes choose the
 * listener, the peer and how it behaves, the rest is what it sends.
 */
#include "sim_server.h"

#include "app/control/http_api_listener.h"
#include "app/http/http_listener.h"
#include "app/rtmp/rtmp_listener.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf[] =
    "listen 1935; proxy_protocol on; trusted_proxies 10.0.0.0/8;\n"
    "max_connections 30; max_connections_per_ip 2;\n"
    "http_server { enabled on; listen 8080; proxy_protocol on; }\n"
    "http_api { enabled on; listen 1985; proxy_protocol on; }\n"
    "vhost __defaultVhost__ {\n"
    " http_remux { enabled on; republish_wait 1000; standby_timeout 3000; }\n"
    " security { enabled on; deny publish 192.0.2.66; deny play 2001:db8::/32; }\n"
    "}\n";

static struct server *server;

/* So many connections of other addresses that max_connections is reached: some are refused, or the
 * oldest one gives way. */
#define CROWD 33

static void crowd_come(const struct listener_type *type, struct sim_socket *out[CROWD])
{
    for (int i = 0; i < CROWD; i++) {
        char ip[32];

        (void)snprintf(ip, sizeof(ip), "198.51.100.%d", i / 2);
        out[i] = sim_server_accept(server, type, ip);
    }
    sim_settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct listener_type *const types[] = {&rtmp_listener, &http_listener,
                                                        &http_api_listener, &http_listener};
    static const char *const peers[] = {"10.0.0.1", "192.0.2.7", "10.0.0.1", ""};
    struct sim_socket *other[2] = {NULL, NULL};
    struct sim_socket *crowd[CROWD] = {NULL};
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
    /* Connections of the address that headers like to name: its limit is near. */
    if (data[0] & 16)
        for (int i = 0; i < 1 + (data[0] >> 6 & 1); i++)
            other[i] = sim_server_accept(server, types[data[0] & 3],
                                         data[0] & 128 ? "192.0.2.7" : "192.0.2.8");
    if (data[0] & 32)
        crowd_come(types[data[0] & 3], crowd);
    s = sim_server_accept(server, types[data[0] & 3], peers[data[0] >> 2 & 3]);
    sim_peer_run(s, data + 1, size - 1, NULL, NULL);
    for (int i = 0; i < CROWD; i++)
        if (crowd[i] != NULL)
            sim_release(crowd[i]);
    for (int i = 0; i < 2; i++)
        if (other[i] != NULL)
            sim_release(other[i]);
    sim_server_rest(server);
    return 0;
}

/*
 * Hostile servers that a publication is forwarded to, and a hostile backend that names them: each
 * connection gets a part of the input (sim_origin.h). The input's first byte chooses whether the
 * backend is asked.
 */
#include "sim_origin.h"
#include "sim_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 4096
#define AFTER     (8 * USEC_PER_SEC)

static const char conf[] =
    "listen 1935; max_connections 30; max_message 1m;\n"
    "vhost __defaultVhost__ {\n"
    " forward { enabled on; destination rtmp://user:pass@192.0.2.2/x/[stream] 192.0.2.1:1935; }\n"
    " http_remux { republish_wait 1000; }\n"
    "}\n";

/* After a reload: the first destination stays, the other is another, or a backend names them. */
static const char other[] =
    "listen 1935; max_connections 30; max_message 1m;\n"
    "vhost __defaultVhost__ {\n"
    " forward { enabled on; destination rtmp://user:pass@192.0.2.2/x/[stream] 192.0.2.9:1935;\n"
    "  backend http://192.0.2.3/f; }\n"
    " http_remux { republish_wait 1000; }\n"
    "}\n";

static struct server *server;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_publisher publisher;
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
    sim_origin_begin(data, size);
    if (sim_publish(server, "live", "s", &publisher) == 0) {
        sim_publish_headers(&publisher);
        sim_publish_frames(&publisher, 3);
        sim_settle();
        for (int i = 0; i < 40; i++) {
            do
                sim_publish_frames(&publisher, 1);
            while (sim_origin_step() && steps++ < STEPS_MAX);
            sim_run(AFTER / 40);
            if (i == 10)
                sim_reload(server, other);
        }
        sim_unpublish(&publisher);
    }
    sim_settle();
    sim_origin_end();
    sim_server_rest(server);
    return 0;
}

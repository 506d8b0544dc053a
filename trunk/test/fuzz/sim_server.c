/* The server of sim_server.h. It runs in a coroutine as main.c runs it. */
#include "sim_server.h"

#include "app/config/config.h"
#include "app/config/config_source.h"
#include "app/server/connection.h"
#include "app/server/listeners.h"
#include "app/server/reload.h"
#include "app/server/service.h"
#include "app/server/service_private.h"
#include "app/server/tables.h"
#include "app/stream/publication.h"
#include "app/stream/stream.h"
#include "app/workers/worker.h"
#include "app/workers/worker_share.h"
#include "media/flv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long the server may need to become idle. */
#define REST_MAX  (300 * USEC_PER_SEC)
#define REST_STEP (500 * USEC_PER_MS)
/* Inputs before memory is measured, between two measurements, and what may be added meanwhile. */
#define GROWTH_FIRST 2000
#define GROWTH_MAX   ((size_t)24 * 1024 * 1024)
#define SILENCE      (60 * USEC_PER_SEC)

/* No listener: connections come from the target. */
struct err *__wrap_listeners_open(struct server *server);
struct err *__wrap_listeners_open(struct server *server)
{
    (void)server;
    return NULL;
}

void __wrap_listeners_close(struct server *server);
void __wrap_listeners_close(struct server *server)
{
    (void)server;
}

static void log_nothing(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    (void)line;
    (void)len;
}

static struct log_sink quiet = {log_nothing};
static struct log server_log = {.level = LOG_INFO, .sink = &quiet, .context = co_log_context};

static void log_print(struct log_sink *sink, const char *line, size_t len)
{
    (void)sink;
    (void)fwrite(line, 1, len, stderr);
}

static void fail(struct err *err)
{
    if (err == NULL)
        return;
    fprintf(stderr, "%s\n", err_text(err));
    abort();
}

/* ---- life ---- */

static const char *first_text; /* the configuration that the server started with */

static struct config *config_of(const char *text)
{
    struct config_source *source = calloc(1, sizeof(*source));
    struct config *config = NULL;

    if (source == NULL)
        abort();
    source->path = strdup("fuzz.conf");
    source->env = calloc(1, sizeof(*source->env));
    source->file[0].path = strdup("fuzz.conf");
    source->file[0].text = strdup(text);
    source->file[0].len = strlen(text);
    source->file_count = 1;
    source->is_complete = 1;
    fail(config_load_source(source, &config));
    return config;
}

static struct err *confine(void *arg)
{
    (void)arg;
    return NULL;
}

static void phase(void *arg)
{
    (void)arg;
}

static MAY_YIELD void serve(void *arg)
{
    static const struct service_phases phases = {confine, phase, phase, NULL};

    fail(service_run(arg, &phases));
}

static struct server *server_make(const char *text)
{
    static struct log_sink print = {log_print};
    struct server *server = NULL;

    first_text = strdup(text);
    if (first_text == NULL)
        abort();
    sim_start();
    if (getenv("SIM_LOG") != NULL) {
        server_log.level = LOG_DEBUG;
        server_log.sink = &print;
    }
    fail(service_new(&server, &server_log, config_of(text), &tables_all));
    (void)snprintf(server->server_id, sizeof(server->server_id), "vid-fuzz");
    return server;
}

/* ---- reloads ---- */

#define RELOAD_MARK "\xfdR"
#define RELOAD_TAIL (sizeof(RELOAD_MARK) - 1)

static char reload_file[] = "/tmp/fuzz_reload.XXXXXX";
static int wants_reload, is_reloaded;

/* No listener: see listeners_open(). */
struct err *__wrap_listeners_prepare(struct server *server, const struct config *config,
                                     void **out);
struct err *__wrap_listeners_prepare(struct server *server, const struct config *config, void **out)
{
    (void)server;
    (void)config;
    *out = NULL;
    return NULL;
}

void __wrap_listeners_abandon(void *plan);
void __wrap_listeners_abandon(void *plan)
{
    (void)plan;
}

void __wrap_listeners_commit(struct server *server, void *plan);
void __wrap_listeners_commit(struct server *server, void *plan)
{
    (void)server;
    (void)plan;
}

static void reload_file_write(const char *text)
{
    FILE *file = fopen(reload_file, "we");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static void reload_file_remove(void)
{
    (void)unlink(reload_file);
}

static void reload_prepare(struct server *server)
{
    static char *nothing[] = {NULL};
    static struct config_options options = {.file = reload_file};
    static struct log_sink_file sink;
    static struct supervisor supervisor = {.fd = -1};
    const struct reload_options reload = {.options = &options,
                                          .environment = nothing,
                                          .log = &server_log,
                                          .sink = &sink,
                                          .supervisor = &supervisor};
    int fd = mkstemp(reload_file);

    if (fd < 0)
        abort();
    close(fd);
    (void)atexit(reload_file_remove);
    reload_file_write(first_text);
    fail(reload_open(server, &reload));
}

size_t sim_reload_arm(const uint8_t *data, size_t size)
{
    wants_reload =
        size >= RELOAD_TAIL && memcmp(data + size - RELOAD_TAIL, RELOAD_MARK, RELOAD_TAIL) == 0;
    return wants_reload ? size - RELOAD_TAIL : size;
}

void sim_reload(struct server *server, const char *text)
{
    if (!wants_reload)
        return;
    is_reloaded = text != first_text;
    reload_file_write(text);
    reload_request(server);
    sim_settle();
}

static void server_run(struct server *server)
{
    reload_prepare(server);
    if (co_spawn(serve, server) == NULL)
        abort();
    sim_run(USEC_PER_SEC);
}

struct server *sim_server_start(const char *text)
{
    struct server *server = server_make(text);

    server_run(server);
    return server;
}

/* worker_share_free() removes the folder of its sockets. */
static struct worker_share *shared;

static void share_free(void)
{
    worker_share_free(shared);
}

struct server *sim_server_start_worker(const char *text, struct worker_share **share)
{
    struct server *server = server_make(text);

    fail(worker_share_new(&shared, server->config, &tables_all));
    (void)atexit(share_free);
    fail(worker_new(server, shared, 0));
    server_run(server);
    *share = shared;
    return server;
}

struct sim_socket *sim_server_accept(struct server *server, const struct listener_type *type,
                                     const char *ip)
{
    struct net_conn *conn;
    struct sim_socket *socket = sim_accept(ip, &conn);
    int i = 0;

    while (server->tables->listeners[i] != type)
        i++;
    connection_begin(server, conn, i);
    return socket;
}

/* sanitizer/allocator_interface.h; absent without a sanitizer that allocates. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static void rest_grown(void)
{
    static size_t runs, first;
    size_t now;

    if (__sanitizer_get_current_allocated_bytes == NULL || ++runs % GROWTH_FIRST != 0)
        return;
    now = __sanitizer_get_current_allocated_bytes();
    if (first == 0)
        first = now;
    assert(now < first + GROWTH_MAX);
}

void sim_server_rest(struct server *server)
{
    usec_t waited = 0;

    (void)sim_memory_arm(NULL, 0);
    if (is_reloaded)
        sim_reload(server, first_text);
    while (server->service->list != NULL || hub_count(server->hub) > 0) {
        assert(waited < REST_MAX);
        sim_run(REST_STEP);
        waited += REST_STEP;
    }
    assert(server->connections == 0 && server->client_count == 0 && server->ip_limits == NULL);
    rest_grown();
}

/* ---- a publisher ---- */

static void evicted(void *arg, enum evict_reason why)
{
    (void)why;
    ((struct sim_publisher *)arg)->is_evicted = 1;
}

int sim_publish(struct server *server, const char *app, const char *stream,
                struct sim_publisher *out)
{
    static const struct publisher_ops ops = {.evict = evicted};
    struct publisher publisher = {.ops = &ops, .arg = out, .kind = PUBLISHER_ENCODER};
    struct directory_place elsewhere;
    struct err *err = NULL;

    memset(out, 0, sizeof(*out));
    publisher.config = server->config;
    publisher.vhost = config_vhost_find(server->config, "");
    out->source = stream_get_publish(server, publisher.vhost, app, stream, &err);
    if (out->source == NULL) {
        err_free(err);
        return -1;
    }
    source_ref(out->source);
    if (publication_begin(source_data(out->source), &publisher, &out->publication, &elsewhere,
                          USEC_PER_SEC) == PUBLICATION_OURS)
        return 0;
    stream_publish_end(out->source);
    source_unref(out->source);
    out->source = NULL;
    return -1;
}

static void push(struct sim_publisher *p, enum frame_type type, const void *data, size_t len)
{
    struct frame frame;

    if (p->is_evicted)
        return;
    flv_frame_parse(&frame, type, p->ms, data, len);
    source_push(p->source, &frame, co_now());
}

void sim_publish_headers(struct sim_publisher *p)
{
    static const uint8_t avc[] = {0x17, 0, 0, 0,    0,    1,    0x42, 0xc0, 0x1e, 0xff,
                                  0xe1, 0, 8, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0x41,
                                  0xf9, 1, 0, 4,    0x68, 0xce, 0x3c, 0x80};
    static const uint8_t aac[] = {0xaf, 0, 0x12, 0x10};

    push(p, FRAME_VIDEO, avc, sizeof(avc));
    push(p, FRAME_AUDIO, aac, sizeof(aac));
}

void sim_publish_frames(struct sim_publisher *p, int count)
{
    for (int i = 0; i < count; i++) {
        const uint8_t video[] = {i % 25 == 0 ? 0x17 : 0x27, 1,    0,    0,   0, 0, 0, 0, 4,
                                 i % 25 == 0 ? 0x65 : 0x41, 0x88, 0x84, 0x21};
        static const uint8_t audio[] = {0xaf, 1, 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c};

        push(p, FRAME_VIDEO, video, sizeof(video));
        push(p, FRAME_AUDIO, audio, sizeof(audio));
        p->ms += 40;
    }
}

void sim_unpublish(struct sim_publisher *p)
{
    if (p->source == NULL)
        return;
    publication_end(p->publication);
    stream_publish_end(p->source);
    source_unref(p->source);
    p->source = NULL;
}

/* ---- a peer ---- */

void sim_encoder(struct sim_socket *s)
{
    static const uint8_t hello[1 + 2 * 1536] = {3};
    static const uint8_t calls[] = "\x03\0\0\0\0\0\x3a\x14\0\0\0\0\x02\0\x07"
                                   "connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03"
                                   "app\x02\0\x04"
                                   "live\0\x05"
                                   "tcUrl\x02\0\x0d"
                                   "rtmp://h/live\0\0\x09"
                                   "\x03\0\0\0\0\0\x19\x14\0\0\0\0\x02\0\x0c"
                                   "createStream\0\x40\0\0\0\0\0\0\0\x05"
                                   "\x04\0\0\0\0\0\x18\x14\x01\0\0\0\x02\0\x07"
                                   "publish\0\x40\x08\0\0\0\0\0\0\x05\x02\0\x01s"
                                   "\x06\0\0\0\0\0\x04\x08\x01\0\0\0\xaf\0\x12\x10"
                                   "\x06\0\0\x10\0\0\x04\x08\x01\0\0\0\xaf\x01\x21\x10";

    sim_send(s, hello, sizeof(hello));
    sim_settle();
    sim_send(s, calls, sizeof(calls) - 1);
    sim_settle();
}

void sim_peer_run(struct sim_socket *s, const uint8_t *data, size_t size, void (*during)(void *arg),
                  void *arg)
{
    static const size_t steps[] = {65536, 1460, 128, 11};
    unsigned how = size > 0 ? *data++ : 0;
    size_t left = size > 0 ? size - 1 : 0;
    size_t step = steps[how & 3];

    if (how & 0x20)
        sim_room(s, 600);
    while (left > 0 && s->is_open) {
        size_t n = left < step ? left : step;

        sim_send(s, data, n);
        sim_settle();
        data += n;
        left -= n;
        if (during != NULL)
            during(arg);
        if (how & 0x20)
            sim_room(s, 600);
    }
    if (s->is_open && (how & 0x04))
        sim_run(SILENCE);
    if (how & 0x08)
        sim_reset(s);
    sim_release(s);
}

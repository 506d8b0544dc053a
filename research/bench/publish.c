/*
 * The publisher: M endless streams over RTMP from one thread, each a file sent again and again on
 * an absolute schedule, with continuous timestamps. Every video frame carries the time at which it
 * was passed to the kernel, so a viewer on the same machine can measure the delay through the
 * server.
 */
#include "bench.h"
#include "rtmp_client.h"
#include "stamp.h"
#include "stream_file.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS        64
#define READ_SIZE     65536
#define SETUP_MS      10000
#define PENDING_MAX   (16 * 1024 * 1024)
#define SPREAD_MS     2000 /* the streams' keyframes are spread over this */
#define SET_DATA_SIZE 16   /* "@setDataFrame" as AMF0 */

struct publisher {
    int fd;
    struct rtmp_client client;
    struct rtmp_out_track track[3]; /* audio, video, data */
    uint64_t index;                 /* of the next frame */
    uint32_t number;                /* of the next video frame */
    int64_t base_ns, due_ns;
    uint8_t *pending; /* what the socket did not take */
    size_t pending_len;
};

struct options {
    struct sockaddr_in to;
    const char *to_text, *path, *file;
    int streams, first, probe, control;
    double seconds;
};

struct run {
    struct options options;
    struct stream_file *file;
    struct publisher *publisher;
    int *heap; /* publisher numbers, the one due next first */
    int epoll;
    int quit;
    struct bench_control control;
    struct samples connect_ms, publish_ms, late_ms;
    uint64_t bytes, blocked;
    uint8_t *scratch;
};

/* ---- one connection, until it publishes ---- */

static void setup_wait(const struct publisher *publisher, short events)
{
    struct pollfd wait = {publisher->fd, events, 0};

    if (poll(&wait, 1, SETUP_MS) != 1)
        bench_die("stream %s: no answer within %d ms", publisher->client.stream, SETUP_MS);
}

static void setup_send(struct publisher *publisher)
{
    struct rtmp_client *client = &publisher->client;

    if (client->out_len == 0)
        return;
    setup_wait(publisher, POLLOUT);
    if (send(publisher->fd, client->out, client->out_len, MSG_NOSIGNAL) != (ssize_t)client->out_len)
        bench_die("stream %s: cannot send: %s", client->stream, strerror(errno));
    client->out_len = 0;
}

static void setup_read(struct publisher *publisher)
{
    uint8_t data[4096];
    ssize_t got;

    setup_wait(publisher, POLLIN);
    got = recv(publisher->fd, data, sizeof(data), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        bench_die("stream %s: the server closed", publisher->client.stream);
    if (rtmp_client_feed(&publisher->client, data, (size_t)got) != 0)
        bench_die("stream %s: %s", publisher->client.stream, publisher->client.error);
}

static void publisher_open(struct run *run, struct publisher *publisher, int number)
{
    const struct options *o = &run->options;
    const char *mark = strstr(o->path, "{}");
    char path[RTMP_NAME_MAX];
    int64_t start = bench_now();
    int connected = 0;

    if (mark != NULL)
        snprintf(path, sizeof(path), "%.*s%d%s", (int)(mark - o->path), o->path, number, mark + 2);
    else
        snprintf(path, sizeof(path), "%s", o->path);
    publisher->fd = bench_connect(&o->to, NULL);
    if (publisher->fd < 0)
        bench_die("connect: %s", strerror(errno));
    if (rtmp_client_init(&publisher->client, o->to_text, path, 1) != 0)
        bench_die("%s", publisher->client.error);
    publisher->client.keep = 16;
    while (publisher->client.state != RTMP_RUNNING) {
        setup_send(publisher);
        setup_read(publisher);
        if (!connected && publisher->client.state > RTMP_CONNECTING) {
            connected = 1;
            samples_add(&run->connect_ms, (double)(bench_now() - start) / NS_PER_MS);
        }
    }
    samples_add(&run->publish_ms, (double)(bench_now() - start) / NS_PER_MS);
}

static void publisher_close(struct publisher *publisher)
{
    close(publisher->fd);
    rtmp_client_fini(&publisher->client);
    free(publisher->pending);
    publisher->pending = NULL;
}

/* ---- sending ---- */

static void watch(struct run *run, struct publisher *publisher, int op)
{
    struct epoll_event event = {EPOLLIN, {.ptr = publisher}};

    if (publisher->pending_len > 0)
        event.events |= EPOLLOUT;
    if (epoll_ctl(run->epoll, op, publisher->fd, &event) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

static void pending_add(struct run *run, struct publisher *publisher, const uint8_t *data,
                        size_t len)
{
    uint8_t *grown;

    if (publisher->pending_len + len > PENDING_MAX)
        bench_die("stream %s: the server does not read", publisher->client.stream);
    grown = realloc(publisher->pending, publisher->pending_len + len);
    if (grown == NULL)
        bench_die("out of memory");
    memcpy(grown + publisher->pending_len, data, len);
    publisher->pending = grown;
    publisher->pending_len += len;
    run->blocked++;
    watch(run, publisher, EPOLL_CTL_MOD);
}

static void bytes_send(struct run *run, struct publisher *publisher, const uint8_t *data,
                       size_t len)
{
    ssize_t sent = 0;

    run->bytes += len;
    if (publisher->pending_len == 0)
        sent = send(publisher->fd, data, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        bench_die("stream %s: %s", publisher->client.stream, strerror(errno));
    if (sent < 0)
        sent = 0;
    if ((size_t)sent < len)
        pending_add(run, publisher, data + sent, len - (size_t)sent);
}

static void pending_send(struct run *run, struct publisher *publisher)
{
    ssize_t sent = send(publisher->fd, publisher->pending, publisher->pending_len, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        bench_die("stream %s: %s", publisher->client.stream, strerror(errno));
    if (sent <= 0)
        return;
    publisher->pending_len -= (size_t)sent;
    memmove(publisher->pending, publisher->pending + sent, publisher->pending_len);
    watch(run, publisher, EPOLL_CTL_MOD);
}

static struct rtmp_out_track *track_of(struct publisher *publisher, uint8_t type)
{
    if (type == FLV_TAG_SCRIPT)
        return &publisher->track[2];
    return &publisher->track[type == FLV_TAG_VIDEO];
}

static void message_send(struct run *run, struct publisher *publisher,
                         const struct rtmp_message *message)
{
    size_t len = rtmp_media_write(run->scratch, track_of(publisher, message->type),
                                  publisher->client.stream_id, message);

    bytes_send(run, publisher, run->scratch, len);
}

static void head_send(struct run *run, struct publisher *publisher)
{
    static const uint8_t set_data[SET_DATA_SIZE + 1] = "\x02\x00\x0d@setDataFrame";

    for (size_t i = 0; i < run->file->head_count; i++) {
        const struct stream_tag *tag = &run->file->head[i];
        struct rtmp_message message = {tag->type, 0, tag->body, tag->len, tag->len};
        uint8_t *body = NULL;

        if (tag->type == FLV_TAG_SCRIPT) {
            body = malloc(SET_DATA_SIZE + tag->len);
            if (body == NULL)
                bench_die("out of memory");
            memcpy(body, set_data, SET_DATA_SIZE);
            memcpy(body + SET_DATA_SIZE, tag->body, tag->len);
            message.body = body;
            message.len = message.kept = SET_DATA_SIZE + tag->len;
        }
        message_send(run, publisher, &message);
        free(body);
    }
}

static int64_t due_of(const struct run *run, const struct publisher *publisher)
{
    return publisher->base_ns +
           (int64_t)stream_file_time_ms(run->file, publisher->index) * NS_PER_MS;
}

static void frame_send(struct run *run, struct publisher *publisher)
{
    const struct stream_tag *tag = stream_file_at(run->file, publisher->index);
    uint32_t time_ms = (uint32_t)stream_file_time_ms(run->file, publisher->index);
    struct rtmp_message message = {tag->type, time_ms, tag->body, tag->len, tag->len};
    struct stamp stamp = {bench_now(), publisher->number};

    samples_add(&run->late_ms, (double)(stamp.sent_ns - publisher->due_ns) / NS_PER_MS);
    if (tag->stamp != NULL) {
        publisher->number++;
        stamp_write(tag->stamp, &stamp);
    }
    message_send(run, publisher, &message);
    publisher->index++;
    publisher->due_ns = due_of(run, publisher);
}

/* ---- the schedule: a heap by the time the next frame is due ---- */

static int64_t heap_due(const struct run *run, int place)
{
    return run->publisher[run->heap[place]].due_ns;
}

/* The first one's due time has grown. */
static void heap_sink(struct run *run)
{
    int place = 0;
    int count = run->options.streams;

    for (;;) {
        int least = place;
        int moved = run->heap[place];

        for (int child = 2 * place + 1; child <= 2 * place + 2 && child < count; child++) {
            if (heap_due(run, child) < heap_due(run, least))
                least = child;
        }
        if (least == place)
            return;
        run->heap[place] = run->heap[least];
        run->heap[least] = moved;
        place = least;
    }
}

static void due_send(struct run *run)
{
    int64_t now = bench_now();

    while (heap_due(run, 0) <= now) {
        frame_send(run, &run->publisher[run->heap[0]]);
        heap_sink(run);
    }
}

/* ---- the loop ---- */

static void publisher_event(struct run *run, struct publisher *publisher, uint32_t events)
{
    static uint8_t data[READ_SIZE];
    struct rtmp_client *client = &publisher->client;
    ssize_t got;

    if ((events & EPOLLOUT) != 0 && publisher->pending_len > 0)
        pending_send(run, publisher);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
        return;
    got = recv(publisher->fd, data, sizeof(data), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        bench_die("stream %s: the server closed", client->stream);
    if (rtmp_client_feed(client, data, (size_t)got) != 0)
        bench_die("stream %s: %s", client->stream, client->error);
    if (client->out_len > 0)
        bytes_send(run, publisher, client->out, client->out_len);
    client->out_len = 0;
}

static void events_take(struct run *run, int64_t until)
{
    struct epoll_event event[EVENTS];
    int count = bench_wait(run->epoll, event, EVENTS, until);

    for (int i = 0; i < count; i++) {
        if (event[i].data.ptr != &run->control)
            publisher_event(run, event[i].data.ptr, event[i].events);
        else if (bench_control_read(&run->control) == WORD_QUIT)
            run->quit = 1;
    }
}

static void publish(struct run *run)
{
    const struct options *o = &run->options;
    struct epoll_event control = {EPOLLIN, {.ptr = &run->control}};
    int64_t start;

    run->publisher = calloc((size_t)o->streams, sizeof(*run->publisher));
    run->heap = calloc((size_t)o->streams, sizeof(*run->heap));
    if (run->publisher == NULL || run->heap == NULL)
        bench_die("out of memory");
    for (int i = 0; i < o->streams; i++) {
        publisher_open(run, &run->publisher[i], o->first + i);
        watch(run, &run->publisher[i], EPOLL_CTL_ADD);
    }
    if (o->control && epoll_ctl(run->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &control) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
    start = bench_now();
    for (int i = 0; i < o->streams; i++) {
        struct publisher *publisher = &run->publisher[i];

        head_send(run, publisher);
        publisher->base_ns = publisher->due_ns =
            start + (int64_t)i * SPREAD_MS * NS_PER_MS / o->streams;
        publisher->due_ns = due_of(run, publisher);
        run->heap[i] = i; /* in order of time already */
    }
    printf("{\"event\":\"publishing\",\"streams\":%d,\"mbit\":%.3f", o->streams,
           (double)run->file->round_bytes * 8 / run->file->round_ms / 1000);
    samples_print(&run->connect_ms, "connect_ms");
    samples_print(&run->publish_ms, "publish_ms");
    printf("}\n");
    fflush(stdout);
    while (!run->quit && (o->seconds <= 0 || bench_now() - start < o->seconds * NS_PER_SEC)) {
        due_send(run);
        events_take(run, heap_due(run, 0));
    }
    for (int i = 0; i < o->streams; i++)
        publisher_close(&run->publisher[i]);
}

/* Sessions one after another that connect, publish and leave: how long each takes. */
static void probe(struct run *run)
{
    for (int i = 0; i < run->options.probe; i++) {
        struct publisher publisher = {0};

        publisher_open(run, &publisher, run->options.first + i);
        publisher_close(&publisher);
    }
}

static const char usage_text[] =
    "bench_publish [options] ADDRESS:PORT APP/STREAM FILE.flv\n"
    "  --streams N  (1) {} in STREAM becomes the number   --first N  the first number (0)\n"
    "  --seconds S  (for ever)                            --control  ends with standard input\n"
    "  --probe N    only time N sessions, one after another\n";

static void options_read(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"streams", required_argument, NULL, 's'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"control", no_argument, NULL, 'c'},
                                          {"probe", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, BENCH_HELP},
                                          {NULL, 0, NULL, 0}};
    int id;

    *o = (struct options){.streams = 1};
    while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (id == 's')
            o->streams = (int)bench_number(optarg, "--streams", 1, 10000);
        else if (id == 'f')
            o->first = (int)bench_number(optarg, "--first", 0, 1e6);
        else if (id == 't')
            o->seconds = bench_number(optarg, "--seconds", 0.1, 1e6);
        else if (id == 'p')
            o->probe = (int)bench_number(optarg, "--probe", 1, 1e6);
        else if (id == 'c')
            o->control = 1;
        else
            bench_usage(usage_text, id);
    }
    if (argc - optind != 3)
        bench_usage(usage_text, 0);
    o->to_text = argv[optind];
    o->to = bench_address(argv[optind], 1935);
    o->path = argv[optind + 1];
    o->file = argv[optind + 2];
}

static size_t scratch_size(const struct stream_file *file)
{
    size_t most = 0;

    for (size_t i = 0; i < file->tag_count; i++) {
        if (file->tag[i].len > most)
            most = file->tag[i].len;
    }
    for (size_t i = 0; i < file->head_count; i++) {
        if (file->head[i].len + SET_DATA_SIZE > most)
            most = file->head[i].len + SET_DATA_SIZE;
    }
    return RTMP_CHUNKED_MAX(most);
}

int main(int argc, char **argv)
{
    static struct run run;

    signal(SIGPIPE, SIG_IGN);
    options_read(&run.options, argc, argv);
    bench_raise_files();
    run.file = stream_file_load(run.options.file);
    run.scratch = malloc(scratch_size(run.file));
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run.scratch == NULL || run.epoll < 0)
        bench_die("out of memory or files");
    if (run.options.probe > 0)
        probe(&run);
    else
        publish(&run);
    printf("{\"event\":\"result\",\"streams\":%d,\"bytes\":%llu,\"blocked\":%llu",
           run.options.streams, (unsigned long long)run.bytes, (unsigned long long)run.blocked);
    samples_print(&run.connect_ms, "connect_ms");
    samples_print(&run.publish_ms, "publish_ms");
    samples_print(&run.late_ms, "late_ms");
    printf("}\n");
    samples_fini(&run.connect_ms);
    samples_fini(&run.publish_ms);
    samples_fini(&run.late_ms);
    free(run.publisher);
    free(run.heap);
    free(run.scratch);
    stream_file_free(run.file);
    return 0;
}

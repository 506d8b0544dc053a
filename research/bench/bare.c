/*
 * The bare loop: the cost of only sending a stream to N viewers. It reads no RTMP and inspects no
 * codec; it appends the file's tags to one long buffer as they fall due and calls send() once per
 * viewer and batch with everything new. Every server has at least this cost, so the server's CPU
 * time is given as a multiple of it. With --tls it calls SSL_write() instead of send().
 */
#include "base/bytes.h"
#include "bench.h"
#include "bench_tls.h"
#include "stamp.h"
#include "stream_file.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS        64
#define REQUEST_MAX   4096
#define HISTORY_BYTES (1024L * 1024 * 1024)
#define FLV_EXTRA     15 /* tag header and size */

static const char answer_text[] = "HTTP/1.1 200 OK\r\nServer: bare\r\nContent-Type: video/x-flv\r\n"
                                  "Connection: close\r\n\r\n";

struct bare_viewer {
    int fd;
    int is_on;     /* the request came */
    int place;     /* in run.on */
    int line_ends; /* of the CR LF CR LF that ends the request */
    size_t got;    /* bytes of the request */
    size_t at;     /* position in the history */
    SSL *tls;      /* NULL without */
    int is_shaken; /* its handshake is done */
};

struct run {
    struct stream_file *file;
    int listener, epoll;
    SSL_CTX *tls;
    int64_t interval_ns, base_ns;
    uint8_t *history; /* all bytes since the start: never moved, touched only as it grows */
    size_t end, keyframe;
    uint8_t *head; /* the answer, FLV header, metadata, sequence headers */
    size_t head_len;
    uint64_t index;
    uint32_t number;
    struct bare_viewer *viewer; /* by descriptor */
    int viewer_max;
    struct bare_viewer **on; /* those that get the stream */
    int on_count;
    uint64_t sends, short_sends;
};

static void tag_write(struct bytes_out *out, const struct stream_tag *tag, uint32_t time_ms)
{
    bytes_put_u8(out, tag->type);
    bytes_put_u24(out, (uint32_t)tag->len);
    bytes_put_u24(out, time_ms & 0xffffff);
    bytes_put_u8(out, (uint8_t)(time_ms >> 24));
    bytes_put_u24(out, 0);
    bytes_put(out, tag->body, tag->len);
    bytes_put_u32(out, (uint32_t)tag->len + 11);
}

static void head_make(struct run *run)
{
    static const uint8_t flv[13] = {'F', 'L', 'V', 1, 5, 0, 0, 0, 9};
    size_t size = sizeof(answer_text) - 1 + sizeof(flv);
    struct bytes_out out;

    for (size_t i = 0; i < run->file->head_count; i++)
        size += run->file->head[i].len + FLV_EXTRA;
    run->head = malloc(size);
    if (run->head == NULL)
        bench_die("out of memory");
    out = bytes_out_of(run->head, size);
    bytes_put(&out, answer_text, sizeof(answer_text) - 1);
    bytes_put(&out, flv, sizeof(flv));
    for (size_t i = 0; i < run->file->head_count; i++)
        tag_write(&out, &run->file->head[i], 0);
    run->head_len = size;
}

/* ---- viewers ---- */

static void viewer_close(struct run *run, struct bare_viewer *viewer)
{
    SSL_free(viewer->tls);
    viewer->tls = NULL;
    close(viewer->fd);
    viewer->fd = -1;
    if (!viewer->is_on)
        return;
    run->on_count--;
    run->on[viewer->place] = run->on[run->on_count];
    run->on[viewer->place]->place = viewer->place;
}

/* A record is what one call sends. */
static ssize_t tls_send(SSL *tls, const uint8_t *data, size_t len)
{
    size_t total = 0;
    ssize_t sent;

    do {
        sent = bench_tls_write(tls, data + total, len - total);
        total += sent > 0 ? (size_t)sent : 0;
    } while (sent > 0 && total < len);
    return total > 0 ? (ssize_t)total : sent;
}

/* The one thing this program is there for. */
static void viewer_send(struct run *run, struct bare_viewer *viewer)
{
    ssize_t sent;

    if (viewer->at == run->end)
        return;
    run->sends++;
    if (viewer->tls == NULL)
        sent = send(viewer->fd, run->history + viewer->at, run->end - viewer->at,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        sent = tls_send(viewer->tls, run->history + viewer->at, run->end - viewer->at);
    if (sent > 0)
        viewer->at += (size_t)sent;
    else if (errno != EAGAIN)
        viewer_close(run, viewer);
    if (viewer->fd >= 0 && viewer->at < run->end)
        run->short_sends++;
}

static void viewer_begin(struct run *run, struct bare_viewer *viewer)
{
    viewer->is_on = 1;
    viewer->place = run->on_count;
    run->on[run->on_count++] = viewer;
    viewer->at = run->keyframe;
    if ((viewer->tls != NULL
             ? bench_tls_write(viewer->tls, run->head, run->head_len)
             : send(viewer->fd, run->head, run->head_len, MSG_NOSIGNAL)) != (ssize_t)run->head_len)
        viewer_close(run, viewer);
    else
        viewer_send(run, viewer);
}

static void viewer_event(struct run *run, struct bare_viewer *viewer)
{
    static const char request_end[] = "\r\n\r\n";
    char data[REQUEST_MAX];
    ssize_t got = -1;

    if (viewer->tls != NULL && !viewer->is_shaken) {
        viewer->is_shaken = bench_tls_shake(viewer->tls);
        if (viewer->is_shaken < 0)
            viewer_close(run, viewer);
        if (viewer->is_shaken <= 0)
            return;
    }
    got = viewer->tls != NULL ? bench_tls_read(viewer->tls, data, sizeof(data))
                              : recv(viewer->fd, data, sizeof(data), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || viewer->got > REQUEST_MAX) {
        viewer_close(run, viewer);
        return;
    }
    viewer->got += (size_t)got;
    for (ssize_t i = 0; i < got && viewer->line_ends < 4; i++) {
        if (data[i] == request_end[viewer->line_ends])
            viewer->line_ends++;
        else
            viewer->line_ends = data[i] == '\r';
    }
    if (viewer->line_ends == 4 && !viewer->is_on)
        viewer_begin(run, viewer);
}

static void viewers_accept(struct run *run)
{
    int fd;

    while ((fd = accept4(run->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {EPOLLIN, {.fd = fd}};

        if (fd >= run->viewer_max)
            bench_die("too many viewers");
        run->viewer[fd] = (struct bare_viewer){.fd = fd};
        if (run->tls != NULL)
            run->viewer[fd].tls = bench_tls_open(run->tls, fd, 1);
        if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            bench_die("epoll_ctl: %s", strerror(errno));
    }
}

/* ---- batches ---- */

static int64_t frame_due(const struct run *run)
{
    return run->base_ns + (int64_t)stream_file_time_ms(run->file, run->index) * NS_PER_MS;
}

static void history_grow(struct run *run, int64_t now)
{
    while (frame_due(run) <= now) {
        const struct stream_tag *tag = stream_file_at(run->file, run->index);
        struct stamp stamp = {bench_now(), run->number};
        struct bytes_out out = bytes_out_of(run->history + run->end, HISTORY_BYTES - run->end);

        if (tag->stamp != NULL) {
            run->number++;
            stamp_write(tag->stamp, &stamp);
        }
        tag_write(&out, tag, (uint32_t)stream_file_time_ms(run->file, run->index));
        if (out.bad)
            bench_die("the run is too long");
        if (tag->is_keyframe)
            run->keyframe = run->end;
        run->end = (size_t)(out.p - run->history);
        run->index++;
    }
}

static void batch_send(struct run *run)
{
    /* From the back, for one that fails is replaced by the last. */
    for (int i = run->on_count - 1; i >= 0; i--)
        viewer_send(run, run->on[i]);
}

/* 0 when it is time to end. */
static int events_take(struct run *run, int64_t until)
{
    struct epoll_event event[EVENTS];
    int count = bench_wait(run->epoll, event, EVENTS, until);

    for (int i = 0; i < count; i++) {
        if (event[i].data.fd == STDIN_FILENO)
            return 0;
        if (event[i].data.fd == run->listener)
            viewers_accept(run);
        else if (run->viewer[event[i].data.fd].fd >= 0)
            viewer_event(run, &run->viewer[event[i].data.fd]);
    }
    return 1;
}

static void loop(struct run *run)
{
    int64_t next;

    run->base_ns = bench_now();
    next = run->base_ns + run->interval_ns;
    for (;;) {
        int64_t now = bench_now();

        /* Per frame: whenever a frame falls due. */
        if (run->interval_ns == 0)
            next = frame_due(run);
        if (now >= next) {
            history_grow(run, now);
            batch_send(run);
            next += run->interval_ns;
        }
        if (!events_take(run, run->interval_ns == 0 ? frame_due(run) : next))
            return;
    }
}

static void watch(struct run *run, int fd)
{
    struct epoll_event event = {EPOLLIN, {.fd = fd}};

    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

static const char usage_text[] =
    "bench_bare [options] ADDRESS:PORT FILE.flv\n"
    "  --interval-ms N  (350; 0: per frame)   --tls FILE  its key and certificate\n"
    "  --control        ends with standard input\n";

int main(int argc, char **argv)
{
    static struct run run;
    static const struct option names[] = {{"interval-ms", required_argument, NULL, 'i'},
                                          {"control", no_argument, NULL, 'c'},
                                          {"tls", required_argument, NULL, 't'},
                                          {"help", no_argument, NULL, BENCH_HELP},
                                          {NULL, 0, NULL, 0}};
    const char *tls = NULL;
    int control = 0;
    int id;
    struct sockaddr_in at;

    signal(SIGPIPE, SIG_IGN);
    run.interval_ns = 350 * NS_PER_MS;
    while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (id == 'i')
            run.interval_ns =
                (int64_t)(bench_number(optarg, "--interval-ms", 0, 60000) * NS_PER_MS);
        else if (id == 'c')
            control = 1;
        else if (id == 't')
            tls = optarg;
        else
            bench_usage(usage_text, id);
    }
    if (argc - optind != 2)
        bench_usage(usage_text, 0);
    run.tls = tls != NULL ? bench_tls_server(tls, tls) : NULL;
    at = bench_address(argv[optind], 8080);
    run.file = stream_file_load(argv[optind + 1]);
    run.viewer_max = bench_raise_files();
    run.viewer = calloc((size_t)run.viewer_max, sizeof(*run.viewer));
    run.on = calloc((size_t)run.viewer_max, sizeof(struct bare_viewer *));
    run.history = mmap(NULL, HISTORY_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run.viewer == NULL || run.on == NULL || run.history == MAP_FAILED || run.epoll < 0)
        bench_die("out of memory or files");
    head_make(&run);
    run.listener = bench_listen(&at);
    watch(&run, run.listener);
    if (control)
        watch(&run, STDIN_FILENO);
    printf("{\"event\":\"listening\"}\n");
    fflush(stdout);
    loop(&run);
    printf("{\"event\":\"result\",\"sends\":%llu,\"short_sends\":%llu,\"viewers\":%d}\n",
           (unsigned long long)run.sends, (unsigned long long)run.short_sends, run.on_count);
    free(run.viewer);
    free(run.on);
    free(run.head);
    stream_file_free(run.file);
    return 0;
}

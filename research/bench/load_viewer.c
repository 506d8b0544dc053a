/*
 * One viewer of the load client. Its answer is parsed up to the first keyframe, because a viewer
 * waits for that; then all viewers except the samples discard their bytes in the kernel (recv with
 * MSG_TRUNC copies nothing), so that the client costs little compared with the server it measures.
 */
#include "load.h"

#include "stream_file.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE    (256 * 1024)
#define DISCARD_SIZE (64 * 1024 * 1024)
#define KEEP_SAMPLE  (8 * 1024 * 1024)
#define KEEP_START   2
#define ACK_EVERY    (1024 * 1024)
#define REQUEST_MAX  512

struct load_reading {
    struct load *load;
    struct load_viewer *viewer;
    struct tag_check check;
    int64_t now;
    size_t sent; /* of the request, or of the RTMP client's out */
    union {
        struct flv_reader flv;
        struct rtmp_client rtmp;
    };
};

static uint8_t read_buffer[READ_SIZE];

static void error_note(struct load *load, const struct load_viewer *viewer, const char *what)
{
    if (load->first_error[0] == '\0')
        snprintf(load->first_error, sizeof(load->first_error), "viewer %d: %s", viewer->index,
                 what);
}

/* Frees the reader; the check of a sample stays for the report. */
static void reading_end(struct load *load, struct load_viewer *viewer, int keep_check)
{
    struct load_reading *reading = viewer->reading;

    if (reading == NULL)
        return;
    if (load->options.protocol == LOAD_HTTP_FLV)
        flv_reader_fini(&reading->flv);
    else
        rtmp_client_fini(&reading->rtmp);
    if (keep_check)
        return;
    free(reading);
    viewer->reading = NULL;
}

static void viewer_end(struct load *load, struct load_viewer *viewer, const char *why)
{
    if (viewer->state == VIEWER_CLOSED)
        return;
    if (viewer->state == VIEWER_CONNECTING || viewer->state == VIEWER_STARTING)
        load->in_flight--;
    if (why != NULL) {
        error_note(load, viewer, why);
        if (viewer->had_keyframe)
            load->disconnected++;
        else
            load->failed++;
    }
    SSL_free(viewer->tls);
    viewer->tls = NULL;
    close(viewer->fd);
    viewer->fd = -1;
    viewer->state = VIEWER_CLOSED;
    reading_end(load, viewer, viewer->is_sample);
}

void load_viewer_close(struct load *load, struct load_viewer *viewer)
{
    if (viewer->state != VIEWER_IDLE)
        viewer_end(load, viewer, NULL);
}

const struct tag_check *load_viewer_check(const struct load_viewer *viewer)
{
    return viewer->reading != NULL && viewer->is_sample ? &viewer->reading->check : NULL;
}

/* ---- what a parsed answer says ---- */

static void tag_came(struct load_reading *reading, uint8_t type, uint32_t time_ms,
                     const uint8_t *body, size_t kept, size_t len)
{
    struct load *load = reading->load;
    struct load_viewer *viewer = reading->viewer;
    enum tag_kind kind;

    if (viewer->is_sample && kept == len)
        kind = tag_check_feed(&reading->check, type, time_ms, body, len);
    else
        kind = tag_kind_of(type, body, kept);
    if (kind == TAG_KEYFRAME && !viewer->had_keyframe) {
        viewer->had_keyframe = 1;
        load->started++;
        samples_add(&load->first_keyframe_ms,
                    (double)(reading->now - viewer->request_ns) / NS_PER_MS);
    }
    /* Frames sent before the window began tell of the start, not of the latency. */
    if (viewer->is_sample && load->in_window && reading->check.sent_ns > load->begin_ns)
        samples_add(&load->latency_ms, (double)(reading->now - reading->check.sent_ns) / NS_PER_MS);
}

static void flv_tag_came(void *arg, const struct flv_reader_tag *tag)
{
    struct load_reading *reading = arg;

    /* Header flags: 4 is audio, 1 is video. */
    if ((tag->type == FLV_TAG_AUDIO && (reading->flv.flags & 4) == 0) ||
        (tag->type == FLV_TAG_VIDEO && (reading->flv.flags & 1) == 0))
        tag_check_error(&reading->check, "a track that the FLV header denies", tag->type);
    tag_came(arg, tag->type, tag->time_ms, tag->body, tag->kept, tag->len);
}

static void rtmp_message_came(void *arg, const struct rtmp_message *message)
{
    tag_came(arg, message->type, message->time_ms, message->body, message->kept, message->len);
}

/* ---- opening ---- */

static void path_expand(const struct load *load, int index, char *path, size_t size)
{
    const char *mark = strstr(load->options.path, "{}");

    if (mark == NULL)
        snprintf(path, size, "%s", load->options.path);
    else
        snprintf(path, size, "%.*s%d%s", (int)(mark - load->options.path), load->options.path,
                 index % load->options.streams, mark + 2);
}

static int reading_begin(struct load *load, struct load_viewer *viewer)
{
    struct load_reading *reading = calloc(1, sizeof(*reading));
    char path[RTMP_NAME_MAX];
    size_t keep = viewer->is_sample ? KEEP_SAMPLE : KEEP_START;

    if (reading == NULL)
        bench_die("out of memory");
    viewer->reading = reading;
    reading->load = load;
    reading->viewer = viewer;
    reading->check.may_skip = viewer->is_slow;
    if (load->options.protocol == LOAD_HTTP_FLV) {
        flv_reader_init(&reading->flv);
        reading->flv.keep = keep;
        reading->flv.on_tag = flv_tag_came;
        reading->flv.arg = reading;
        return 0;
    }
    path_expand(load, viewer->index, path, sizeof(path));
    if (rtmp_client_init(&reading->rtmp, load->options.to_text, path, 0) != 0)
        return -1;
    reading->rtmp.keep = keep;
    reading->rtmp.on_message = rtmp_message_came;
    reading->rtmp.arg = reading;
    return 0;
}

void load_viewer_open(struct load *load, struct load_viewer *viewer)
{
    const struct load_options *options = &load->options;
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = viewer}};
    const struct sockaddr_in *from = options->has_from ? &options->from : NULL;

    if (viewer->is_slow && options->has_slow_from)
        from = &options->slow_from;
    load->in_flight++;
    viewer->state = VIEWER_CONNECTING;
    viewer->connect_ns = bench_now();
    viewer->fd = bench_connect(&options->to, from);
    if (viewer->fd < 0) {
        viewer_end(load, viewer, strerror(errno));
        return;
    }
    if (reading_begin(load, viewer) != 0) {
        viewer_end(load, viewer, viewer->reading->rtmp.error);
        return;
    }
    if (epoll_ctl(load->epoll_prompt, EPOLL_CTL_ADD, viewer->fd, &event) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

/* ---- sending ---- */

/* Requests are small and the socket is fresh: what does not fit at once is a failure. */
static int send_all(struct load *load, struct load_viewer *viewer, const void *data, size_t len)
{
    ssize_t sent = viewer->tls != NULL ? bench_tls_write(viewer->tls, data, len)
                                       : send(viewer->fd, data, len, MSG_NOSIGNAL);

    if (sent == (ssize_t)len)
        return 0;
    viewer_end(load, viewer, "cannot send the request");
    return -1;
}

static int rtmp_flush(struct load *load, struct load_viewer *viewer)
{
    struct rtmp_client *rtmp = &viewer->reading->rtmp;
    size_t len = rtmp->out_len;

    rtmp->out_len = 0;
    return len == 0 ? 0 : send_all(load, viewer, rtmp->out, len);
}

static void rtmp_ack(struct load *load, struct load_viewer *viewer, size_t got)
{
    uint8_t ack[RTMP_ACK_SIZE];

    viewer->unacked += (uint32_t)got;
    if (load->options.protocol != LOAD_RTMP || viewer->unacked < ACK_EVERY)
        return;
    viewer->unacked = 0;
    rtmp_ack_write(ack, (uint32_t)viewer->bytes);
    send_all(load, viewer, ack, sizeof(ack));
}

static void request_send(struct load *load, struct load_viewer *viewer)
{
    char path[RTMP_NAME_MAX];
    char request[REQUEST_MAX];
    int len;
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(viewer->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        viewer_end(load, viewer, strerror(error));
        return;
    }
    if (load->tls != NULL && viewer->tls == NULL)
        viewer->tls = bench_tls_open(load->tls, viewer->fd, 0);
    if (viewer->tls != NULL) {
        error = bench_tls_shake(viewer->tls);
        if (error < 0)
            viewer_end(load, viewer, "the TLS handshake failed");
        if (error <= 0)
            return;
    }
    viewer->state = VIEWER_STARTING;
    viewer->request_ns = viewer->last_ns = bench_now();
    samples_add(&load->connect_ms, (double)(viewer->request_ns - viewer->connect_ns) / NS_PER_MS);
    if (load->options.protocol == LOAD_RTMP) {
        rtmp_flush(load, viewer);
        return;
    }
    path_expand(load, viewer->index, path, sizeof(path));
    len = snprintf(request, sizeof(request),
                   "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", path,
                   load->options.to_text);
    send_all(load, viewer, request, (size_t)len);
}

/* ---- receiving ---- */

static void gap_note(struct load *load, struct load_viewer *viewer, int64_t now)
{
    int64_t since = viewer->last_ns > load->begin_ns ? viewer->last_ns : load->begin_ns;
    double gap_ms = (double)(now - since) / NS_PER_MS;

    viewer->last_ns = now;
    if (!load->in_window || viewer->is_slow)
        return;
    if (gap_ms > load->gap_max_ms)
        load->gap_max_ms = gap_ms;
    if (gap_ms > load->options.stall_ms)
        load->stalls++;
}

static void start_over(struct load *load, struct load_viewer *viewer)
{
    struct epoll_event event = {EPOLLIN | EPOLLRDHUP | EPOLLET, {.ptr = viewer}};

    load->in_flight--;
    if (viewer->is_sample) {
        viewer->state = VIEWER_READING;
        return;
    }
    viewer->state = VIEWER_DISCARDING;
    reading_end(load, viewer, 0);
    if (epoll_ctl(load->epoll_prompt, EPOLL_CTL_DEL, viewer->fd, NULL) != 0 ||
        epoll_ctl(load->epoll_bulk, EPOLL_CTL_ADD, viewer->fd, &event) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

static int parse(struct load *load, struct load_viewer *viewer, size_t got)
{
    struct load_reading *reading = viewer->reading;
    const char *error = NULL;

    reading->now = bench_now();
    if (load->options.protocol == LOAD_HTTP_FLV) {
        if (flv_reader_feed(&reading->flv, read_buffer, got) != 0)
            error = reading->flv.error;
    } else if (rtmp_client_feed(&reading->rtmp, read_buffer, got) != 0) {
        error = reading->rtmp.error;
    } else if (rtmp_flush(load, viewer) != 0) {
        return -1;
    }
    if (error != NULL) {
        tag_check_error(&reading->check, error, viewer->bytes);
        viewer_end(load, viewer, error);
        return -1;
    }
    if (viewer->state == VIEWER_STARTING && viewer->had_keyframe)
        start_over(load, viewer);
    return 0;
}

/* Reads at most len bytes; 1 if there may be more, 0 if not now, -1 if it ended. */
static int receive(struct load *load, struct load_viewer *viewer, size_t len)
{
    int parsed = viewer->reading != NULL;
    ssize_t got;

    if (parsed && len > READ_SIZE)
        len = READ_SIZE;
    if (parsed && viewer->tls != NULL)
        got = bench_tls_read(viewer->tls, read_buffer, len);
    else
        got = recv(viewer->fd, parsed ? read_buffer : NULL, len, parsed ? 0 : MSG_TRUNC);
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        viewer_end(load, viewer, strerror(errno));
        return -1;
    }
    if (got == 0) {
        viewer_end(load, viewer, "the server closed");
        return -1;
    }
    if (viewer->bytes == 0)
        samples_add(&load->first_byte_ms, (double)(bench_now() - viewer->request_ns) / NS_PER_MS);
    viewer->bytes += (uint64_t)got;
    gap_note(load, viewer, bench_now());
    if (parsed && parse(load, viewer, (size_t)got) != 0)
        return -1;
    rtmp_ack(load, viewer, (size_t)got);
    return ((size_t)got == len || (parsed && viewer->tls != NULL)) &&
           viewer->state != VIEWER_CLOSED;
}

void load_viewer_event(struct load *load, struct load_viewer *viewer, uint32_t events)
{
    if (viewer->state == VIEWER_CONNECTING &&
        (events & (EPOLLOUT | EPOLLERR | (viewer->tls != NULL ? EPOLLIN : 0))) != 0)
        request_send(load, viewer);
    if (viewer->state < VIEWER_STARTING || viewer->state > VIEWER_DISCARDING)
        return;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
        return;
    /* Edge-triggered: less than was asked for means that nothing is left, but for the end. */
    while (receive(load, viewer, viewer->reading != NULL ? READ_SIZE : DISCARD_SIZE) > 0)
        ;
    if (viewer->state != VIEWER_CLOSED && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        receive(load, viewer, READ_SIZE);
}

void load_viewer_slow(struct load *load, struct load_viewer *viewer)
{
    if (viewer->state != VIEWER_READING && viewer->state != VIEWER_DISCARDING)
        return;
    epoll_ctl(viewer->is_sample ? load->epoll_prompt : load->epoll_bulk, EPOLL_CTL_DEL, viewer->fd,
              NULL);
    viewer->state = VIEWER_SLOW;
}

void load_viewer_trickle(struct load *load, struct load_viewer *viewer, size_t bytes)
{
    if (viewer->state == VIEWER_SLOW)
        receive(load, viewer, bytes);
}

/*
 * The load client: many viewers of a live stream in one thread, over HTTP-FLV or RTMP. It connects
 * them at a steady rate, lets them warm up, and measures in a window: which frames arrived, when,
 * and whether they would play. JSON lines go to standard output, a readable summary to standard
 * error.
 */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVENTS        64
#define IN_FLIGHT_MAX 1000
#define TICK_NS       (100 * NS_PER_MS)
#define BULK_NS       (4 * NS_PER_MS)

static void viewers_make(struct load *load)
{
    const struct load_options *o = &load->options;
    int fast = o->viewers - o->slow;
    int fast_seen = 0;

    load->viewer = calloc((size_t)o->viewers, sizeof(*load->viewer));
    if (load->viewer == NULL)
        bench_die("out of memory");
    for (int i = 0; i < o->viewers; i++) {
        struct load_viewer *viewer = &load->viewer[i];
        int64_t slot = i;

        viewer->fd = -1;
        viewer->index = i;
        /* Slow ones and samples are spread evenly over the order of connecting. */
        viewer->is_slow = slot * o->slow / o->viewers != (slot + 1) * o->slow / o->viewers;
        if (viewer->is_slow) {
            viewer->is_sample = o->slow_rate > 0;
            continue;
        }
        slot = fast_seen++;
        viewer->is_sample = slot * o->samples / fast != (slot + 1) * o->samples / fast;
    }
}

/* ---- the window ---- */

static void window_begin(struct load *load)
{
    load->begin_ns = bench_now();
    load->in_window = 1;
    for (int i = 0; i < load->options.viewers; i++)
        load->viewer[i].bytes_at_begin = load->viewer[i].bytes;
    printf("{\"event\":\"begin\"}\n");
}

static void window_end(struct load *load)
{
    int64_t now = bench_now();

    for (int i = 0; i < load->options.viewers; i++) {
        struct load_viewer *viewer = &load->viewer[i];
        double gap_ms = (double)(now - viewer->last_ns) / NS_PER_MS;

        if (viewer->state == VIEWER_CLOSED || viewer->is_slow || viewer->last_ns == 0)
            continue;
        if (gap_ms > load->gap_max_ms)
            load->gap_max_ms = gap_ms;
        if (gap_ms > load->options.stall_ms)
            load->stalls++;
    }
    load->in_window = 0;
    load->end_ns = now;
    printf("{\"event\":\"end\"}\n");
}

/* ---- the report ---- */

struct checks {
    uint64_t samples, tags, frames, errors, lost, slow_skips;
    const char *first_error;
};

static struct checks checks_sum(const struct load *load)
{
    struct checks sum = {0};

    for (int i = 0; i < load->options.viewers; i++) {
        const struct tag_check *check = load_viewer_check(&load->viewer[i]);

        if (check == NULL)
            continue;
        sum.samples++;
        sum.tags += check->tags;
        sum.frames += check->frames;
        sum.errors += check->errors;
        if (load->viewer[i].is_slow)
            sum.slow_skips += check->skips;
        else
            sum.lost += check->lost;
        if (check->errors > 0 && sum.first_error == NULL)
            sum.first_error = check->first_error;
    }
    return sum;
}

static void json_text(const char *name, const char *text)
{
    printf(",\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        if ((unsigned char)*text >= 0x20)
            putchar(*text);
    }
    putchar('"');
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(struct load *load)
{
    struct checks checks = checks_sum(load);
    struct samples mbit = {0};
    double window_s = (double)(load->end_ns - load->begin_ns) / NS_PER_SEC;
    uint64_t bytes = 0;

    for (int i = 0; i < load->options.viewers; i++) {
        const struct load_viewer *viewer = &load->viewer[i];
        uint64_t got = viewer->bytes - viewer->bytes_at_begin;

        if (viewer->is_slow)
            continue;
        bytes += got;
        samples_add(&mbit, window_s > 0 ? (double)got * 8 / window_s / 1e6 : 0);
    }
    printf("{\"event\":\"result\",\"viewers\":%d,\"slow\":%d,\"started\":%d,\"failed\":%d,"
           "\"disconnected\":%d,\"window_s\":%.3f,\"bytes\":%llu,\"stalls\":%llu,"
           "\"gap_max_ms\":%.1f,\"client_cpu_s\":%.2f",
           load->options.viewers, load->options.slow, load->started, load->failed,
           load->disconnected, window_s, (unsigned long long)bytes,
           (unsigned long long)load->stalls, load->gap_max_ms, cpu_seconds());
    printf(",\"samples\":%llu,\"tags\":%llu,\"frames\":%llu,\"errors\":%llu,\"lost\":%llu,"
           "\"slow_skips\":%llu",
           (unsigned long long)checks.samples, (unsigned long long)checks.tags,
           (unsigned long long)checks.frames, (unsigned long long)checks.errors,
           (unsigned long long)checks.lost, (unsigned long long)checks.slow_skips);
    samples_print(&mbit, "mbit");
    samples_print(&load->connect_ms, "connect_ms");
    samples_print(&load->first_byte_ms, "first_byte_ms");
    samples_print(&load->first_keyframe_ms, "first_keyframe_ms");
    samples_print(&load->latency_ms, "latency_ms");
    json_text("first_error", load->first_error);
    json_text("check_error", checks.first_error != NULL ? checks.first_error : "");
    printf("}\n");
    fprintf(stderr,
            "%d viewers: %d started, %d failed, %d disconnected, %llu stalls; "
            "%.3f Mbit/s each (%.3f to %.3f)\n"
            "first byte %.2f / %.2f ms, first keyframe %.2f / %.2f ms, "
            "latency %.2f / %.2f / %.2f ms (p50 / p99 / max)\n"
            "%llu samples: %llu tags, %llu errors, %llu frames lost%s%s%s%s\n",
            load->options.viewers, load->started, load->failed, load->disconnected,
            (unsigned long long)load->stalls, samples_quantile(&mbit, 0.5),
            samples_quantile(&mbit, 0), samples_quantile(&mbit, 1),
            samples_quantile(&load->first_byte_ms, 0.5),
            samples_quantile(&load->first_byte_ms, 0.99),
            samples_quantile(&load->first_keyframe_ms, 0.5),
            samples_quantile(&load->first_keyframe_ms, 0.99),
            samples_quantile(&load->latency_ms, 0.5), samples_quantile(&load->latency_ms, 0.99),
            samples_quantile(&load->latency_ms, 1), (unsigned long long)checks.samples,
            (unsigned long long)checks.tags, (unsigned long long)checks.errors,
            (unsigned long long)checks.lost, load->first_error[0] != '\0' ? "; " : "",
            load->first_error, checks.first_error != NULL ? "; " : "",
            checks.first_error != NULL ? checks.first_error : "");
    samples_fini(&mbit);
}

/* ---- the loop ---- */

struct run {
    struct load load;
    struct bench_control control;
    int64_t start_ns, started_ns, tick_ns;
    int phase; /* 0 connecting, 1 started, 2 in the window, 3 over */
    int slowing;
};

static void connects_due(struct run *run, int64_t now)
{
    struct load *load = &run->load;
    double due = (double)(now - run->start_ns) / NS_PER_SEC * load->options.rate + 1;

    while (load->opened < load->options.viewers && load->opened < due &&
           load->in_flight < IN_FLIGHT_MAX)
        load_viewer_open(load, &load->viewer[load->opened++]);
}

static void slow_begin(struct run *run)
{
    run->slowing = 1;
    for (int i = 0; i < run->load.options.viewers; i++) {
        if (run->load.viewer[i].is_slow)
            load_viewer_slow(&run->load, &run->load.viewer[i]);
    }
    printf("{\"event\":\"slow\"}\n");
}

static void slow_tick(struct run *run)
{
    size_t bytes = (size_t)(run->load.options.slow_rate * TICK_NS / NS_PER_SEC);

    for (int i = 0; run->slowing && bytes > 0 && i < run->load.options.viewers; i++) {
        if (run->load.viewer[i].is_slow)
            load_viewer_trickle(&run->load, &run->load.viewer[i], bytes);
    }
}

static void phase_next(struct run *run)
{
    if (run->phase == 1)
        window_begin(&run->load);
    else if (run->phase == 2)
        window_end(&run->load);
    if (run->phase < 3)
        run->phase++;
}

static void phases_check(struct run *run, int64_t now)
{
    struct load *load = &run->load;
    const struct load_options *o = &load->options;

    if (run->phase == 0 && load->opened == o->viewers &&
        (load->in_flight == 0 ||
         now - run->start_ns >
             (int64_t)((o->start_timeout_s + o->viewers / o->rate) * NS_PER_SEC))) {
        run->phase = 1;
        run->started_ns = now;
        printf("{\"event\":\"started\",\"started\":%d,\"failed\":%d}\n", load->started,
               load->failed);
        if (!o->control && o->slow > 0)
            slow_begin(run);
    }
    if (o->control)
        return;
    if (run->phase == 1 && now - run->started_ns >= (int64_t)(o->warmup_s * NS_PER_SEC))
        phase_next(run);
    if (run->phase == 2 && now - load->begin_ns >= (int64_t)(o->seconds * NS_PER_SEC))
        phase_next(run);
}

static void control_obey(struct run *run)
{
    switch (bench_control_read(&run->control)) {
    case WORD_BEGIN:
        if (run->phase == 1)
            phase_next(run);
        break;
    case WORD_END:
        if (run->phase == 2)
            phase_next(run);
        break;
    case WORD_SLOW:
        slow_begin(run);
        break;
    case WORD_QUIT:
        run->phase = 4;
        break;
    default:
        break;
    }
}

/* Viewers whose times are measured, and the driver: taken the moment something comes. */
static void prompt_take(struct run *run, int timeout)
{
    struct epoll_event event[EVENTS];
    int count = epoll_wait(run->load.epoll_prompt, event, EVENTS, timeout);

    for (int i = 0; i < count; i++) {
        if (event[i].data.ptr == &run->control)
            control_obey(run);
        else
            load_viewer_event(&run->load, event[i].data.ptr, event[i].events);
    }
}

/*
 * The many that only throw away are looked at every few milliseconds. Were they waited for, most
 * sends of the server would also have to wake this process on its other core: a price that viewers
 * on other machines do not ask, and one that changes from run to run.
 */
static void bulk_take(struct run *run)
{
    struct epoll_event event[EVENTS];
    int count;

    do {
        count = epoll_wait(run->load.epoll_bulk, event, EVENTS, 0);
        for (int i = 0; i < count; i++)
            load_viewer_event(&run->load, event[i].data.ptr, event[i].events);
        prompt_take(run, 0);
    } while (count == EVENTS);
}

static void loop(struct run *run)
{
    struct load *load = &run->load;
    int over = load->options.control ? 4 : 3;
    int64_t bulk_ns = 0;

    run->start_ns = run->tick_ns = bench_now();
    while (run->phase < over) {
        int64_t now;

        prompt_take(run, 1);
        now = bench_now();
        if (now - bulk_ns >= BULK_NS) {
            bulk_ns = now;
            bulk_take(run);
            now = bench_now();
        }
        connects_due(run, now);
        if (now - run->tick_ns >= TICK_NS) {
            run->tick_ns += TICK_NS;
            slow_tick(run);
        }
        phases_check(run, now);
        fflush(stdout);
    }
}

static void watch(struct run *run, int fd, void *ptr)
{
    struct epoll_event event = {EPOLLIN, {.ptr = ptr}};

    if (epoll_ctl(run->load.epoll_prompt, EPOLL_CTL_ADD, fd, &event) != 0)
        bench_die("epoll_ctl: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    static struct run run;
    struct load *load = &run.load;

    signal(SIGPIPE, SIG_IGN);
    load_options_read(&load->options, argc, argv);
    if (bench_raise_files() < load->options.viewers + 16)
        bench_die("too few files for %d viewers: use more clients", load->options.viewers);
    viewers_make(load);
    load->tls = load->options.tls ? bench_tls_client() : NULL;
    load->epoll_bulk = epoll_create1(EPOLL_CLOEXEC);
    load->epoll_prompt = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll_bulk < 0 || load->epoll_prompt < 0)
        bench_die("epoll_create1: %s", strerror(errno));
    if (load->options.control)
        watch(&run, STDIN_FILENO, &run.control);
    loop(&run);
    if (load->end_ns == 0)
        load->end_ns = bench_now();
    report(load);
    for (int i = 0; i < load->options.viewers; i++) {
        load_viewer_close(load, &load->viewer[i]);
        free(load->viewer[i].reading);
    }
    free(load->viewer);
    SSL_CTX_free(load->tls);
    samples_fini(&load->connect_ms);
    samples_fini(&load->first_byte_ms);
    samples_fini(&load->first_keyframe_ms);
    samples_fini(&load->latency_ms);
    return load->failed > 0 || load->disconnected > 0;
}

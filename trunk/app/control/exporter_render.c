/*
 * The text of /metrics: all rows of the table of metrics, in its order. Whichever process is asked
 * adds up what all of them have counted in shared memory; it asks none of them.
 */
#include "app/control/exporter_private.h"
#include "app/core/metrics.h"
#include "app/core/server.h"
#include "base/proc_stat.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define LABELS_MAX 4096

/* ---- facts about the server ---- */

/* A finished list of labels, which ends with a zero byte. */
static const char *labels_end(struct exporter_text *labels)
{
    exporter_text_put(labels, "", 1);
    return labels->failed ? "" : (const char *)buf_data(&labels->out);
}

static void label_next(struct exporter_text *labels, const char *name, const char *value)
{
    if (labels->out.len > 0)
        exporter_text_put(labels, ",", 1);
    exporter_text_label(labels, name, value);
}

static void render_uname(struct exporter_text *text)
{
    struct exporter_text labels;
    struct utsname name;

    if (uname(&name) != 0)
        return;
    exporter_text_init(&labels, LABELS_MAX);
    label_next(&labels, "sysname", name.sysname);
    label_next(&labels, "nodename", name.nodename);
    label_next(&labels, "release", name.release);
    label_next(&labels, "version", name.version);
    label_next(&labels, "machine", name.machine);
    exporter_text_sample(text, METRICS_UNAME, labels_end(&labels), 1);
    buf_fini(&labels.out);
}

/* When the program was built: the time of its file. */
static void build_date(char out[32])
{
    struct stat program;
    struct tm tm;

    if (stat("/proc/self/exe", &program) != 0 || gmtime_r(&program.st_mtime, &tm) == NULL ||
        strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        (void)str_copy(out, 32, "");
}

static void render_build(const struct server *server, struct exporter_text *text)
{
    const struct config_exporter *config = &server->config->exporter;
    struct exporter_text labels;
    char service[40], pid[24], major[16], date[32];

    (void)str_format(pid, sizeof(pid), "%d", (int)server->pid);
    (void)str_format(service, sizeof(service), "%s-%llx", pid,
                     (unsigned long long)server->started_at);
    (void)str_copy_n(major, sizeof(major), MILLRACE_VERSION, strcspn(MILLRACE_VERSION, "."));
    build_date(date);
    exporter_text_init(&labels, LABELS_MAX);
    label_next(&labels, "server", server->server_id);
    label_next(&labels, "service", service);
    label_next(&labels, "pid", pid);
    label_next(&labels, "build_date", date);
    label_next(&labels, "major", major);
    label_next(&labels, "version", MILLRACE_VERSION);
    label_next(&labels, "code", MILLRACE_NAME);
    if (*config->label != '\0')
        label_next(&labels, "label", config->label);
    if (*config->tag != '\0')
        label_next(&labels, "tag", config->tag);
    exporter_text_sample(text, METRICS_BUILD, labels_end(&labels), 1);
    buf_fini(&labels.out);
}

/* ---- processes ---- */

static void render_cpu_percent(const struct server *server, struct exporter_text *text)
{
    uint64_t share = 0;
    char value[32];

    for (int i = 0; i < metrics_count(server->metrics); i++)
        share += metrics_cpu_share(server->metrics, i, co_now());
    (void)str_format(value, sizeof(value), " %.2f\n", (double)share / 10000);
    exporter_text_puts(text, metrics_table_row(METRICS_CPU_PERCENT)->name);
    exporter_text_puts(text, value);
}

static uint64_t process_memory(pid_t pid)
{
    struct proc_stat stat = {0};

    if (pid > 0)
        proc_stat_read(pid, &stat);
    return stat.memory;
}

/* Of all processes, in KiB; the master's, too. */
static uint64_t memory_of_all(const struct server *server)
{
    uint64_t bytes = server->shared != NULL ? process_memory(server->pid) : 0;

    for (int i = 0; i < metrics_count(server->metrics); i++)
        bytes += process_memory(metrics_block(server->metrics, i)->pid);
    return bytes / 1024;
}

static int64_t worker_value(const struct server *server, enum metrics_id id, int slot)
{
    const struct metrics_block *block = metrics_block(server->metrics, slot);

    switch (id) {
    case METRICS_WORKER_STARTS:
        return (int64_t)block->starts;
    case METRICS_WORKER_CPU:
        return (int64_t)metrics_cpu_time(server->metrics, slot);
    case METRICS_WORKER_MEMORY:
        return (int64_t)process_memory(block->pid);
    case METRICS_WORKER_CONNECTIONS:
        return (int64_t)block->value[METRICS_CONNECTIONS];
    default:
        return (int64_t)block->value[METRICS_CLIENTS];
    }
}

static void render_workers(const struct server *server, enum metrics_id id,
                           struct exporter_text *text)
{
    for (int i = 0; i < metrics_count(server->metrics); i++) {
        char labels[32];

        if (metrics_block(server->metrics, i)->starts == 0)
            continue;
        (void)str_format(labels, sizeof(labels), "worker=\"%d\"", i + 1);
        exporter_text_sample(text, id, labels, worker_value(server, id, i));
    }
}

/* ---- sums over processes ---- */

static int64_t value_sum(const struct metrics *metrics, enum metrics_id id)
{
    uint64_t sum = 0;

    for (int i = 0; i < metrics_count(metrics); i++)
        sum += metrics_block(metrics, i)->value[id];
    return (int64_t)sum;
}

static int64_t label_sum(const struct metrics *metrics, enum metrics_id id, const char *label)
{
    uint64_t sum = 0;

    for (int i = 0; i < metrics_count(metrics); i++)
        for (int j = 0; j < METRICS_CELLS; j++) {
            const struct metrics_cell *cell = &metrics_block(metrics, i)->cell[j];

            if (cell->is_used && cell->id == id && strcmp(cell->label, label) == 0)
                sum += cell->value;
        }
    return (int64_t)sum;
}

/* Whether the label occurs before this place: then its values were already added. */
static int is_repeated(const struct metrics *metrics, int slot, enum metrics_id id,
                       const char *label)
{
    for (int i = 0; i < slot; i++)
        for (int j = 0; j < METRICS_CELLS; j++) {
            const struct metrics_cell *cell = &metrics_block(metrics, i)->cell[j];

            if (cell->is_used && cell->id == id && strcmp(cell->label, label) == 0)
                return 1;
        }
    return 0;
}

static void render_labelled(enum metrics_id id, const char *label, int64_t value,
                            struct exporter_text *text)
{
    struct exporter_text labels;

    exporter_text_init(&labels, LABELS_MAX);
    exporter_text_label(&labels, metrics_table_row(id)->label, label);
    exporter_text_sample(text, id, labels_end(&labels), value);
    buf_fini(&labels.out);
}

static void render_labels(const struct metrics *metrics, enum metrics_id id,
                          struct exporter_text *text)
{
    for (int i = 0; i < metrics_count(metrics); i++)
        for (int j = 0; j < METRICS_CELLS; j++) {
            const struct metrics_cell *cell = &metrics_block(metrics, i)->cell[j];

            if (cell->is_used && cell->id == id && !is_repeated(metrics, i, id, cell->label))
                render_labelled(id, cell->label, label_sum(metrics, id, cell->label), text);
        }
    if (value_sum(metrics, id) != 0)
        render_labelled(id, "other", value_sum(metrics, id), text);
}

/* ---- histograms ---- */

static void series_add(const struct metrics *metrics, enum metrics_id id, const char *label,
                       uint64_t bucket[METRICS_BOUNDS_MAX], uint64_t *sum)
{
    for (int i = 0; i < metrics_count(metrics); i++)
        for (int j = 0; j < METRICS_HISTOGRAMS; j++) {
            const struct metrics_series *series = &metrics_block(metrics, i)->series[j];

            if (!series->is_used || series->id != id || strcmp(series->label, label) != 0)
                continue;
            for (int k = 0; k < METRICS_BOUNDS_MAX; k++)
                bucket[k] += series->histogram.bucket[k];
            *sum += series->histogram.sum;
        }
}

static void render_one_histogram(const struct metrics *metrics, enum metrics_id id,
                                 const char *label, struct exporter_text *text)
{
    uint64_t bucket[METRICS_BOUNDS_MAX] = {0};
    uint64_t sum = 0;
    struct exporter_text labels;

    series_add(metrics, id, label, bucket, &sum);
    exporter_text_init(&labels, LABELS_MAX);
    if (*label != '\0')
        exporter_text_label(&labels, metrics_table_row(id)->label, label);
    exporter_text_histogram(text, id, labels_end(&labels), bucket, sum);
    buf_fini(&labels.out);
}

/* A metric without a label is shown from the start, a labelled one with its first value. */
static void render_histograms(const struct metrics *metrics, enum metrics_id id,
                              struct exporter_text *text)
{
    const char *seen[METRICS_HISTOGRAMS];
    int count = 0;

    if (metrics_table_row(id)->label == NULL) {
        render_one_histogram(metrics, id, "", text);
        return;
    }
    for (int i = 0; i < metrics_count(metrics); i++)
        for (int j = 0; j < METRICS_HISTOGRAMS; j++) {
            const struct metrics_series *series = &metrics_block(metrics, i)->series[j];
            int is_new = series->is_used && series->id == id && count < METRICS_HISTOGRAMS;

            for (int k = 0; k < count && is_new; k++)
                is_new = strcmp(seen[k], series->label) != 0;
            if (!is_new)
                continue;
            seen[count++] = series->label;
            render_one_histogram(metrics, id, series->label, text);
        }
}

/* ---- the whole ---- */

static void render_scrape(const struct server *server, const struct exporter_streams *streams,
                          enum metrics_id id, struct exporter_text *text)
{
    usec_t up = clock_now() - server->started_at;
    int64_t value = 0;

    switch (id) {
    case METRICS_UNAME:
        render_uname(text);
        return;
    case METRICS_BUILD:
        render_build(server, text);
        return;
    case METRICS_CPU_PERCENT:
        render_cpu_percent(server, text);
        return;
    case METRICS_MEMORY:
        value = (int64_t)memory_of_all(server);
        break;
    case METRICS_SEND_BYTES:
        value = (int64_t)exporter_streams_sum(streams, METRICS_STREAM_SEND_BYTES);
        break;
    case METRICS_RECEIVE_BYTES:
        value = (int64_t)exporter_streams_sum(streams, METRICS_STREAM_RECEIVE_BYTES);
        break;
    case METRICS_STREAMS:
        value = (int64_t)exporter_streams_present(streams);
        break;
    case METRICS_START_TIME:
        value = (clock_wall() - up + USEC_PER_SEC / 2) / USEC_PER_SEC;
        break;
    case METRICS_CONNECTIONS_MAX:
        value = server->config->max_connections;
        break;
    default:
        value = (int64_t)server->memory.limit;
        break;
    }
    exporter_text_sample(text, id, "", value);
}

static MAY_YIELD void render_row(const struct server *server,
                                 const struct exporter_streams *streams, enum metrics_id id,
                                 struct exporter_text *text)
{
    const struct metrics_row *row = metrics_table_row(id);

    exporter_text_head(text, id);
    if (row->place == METRICS_AT_STREAM || row->place == METRICS_AT_QOE)
        exporter_streams_render(streams, id, text);
    else if (row->place == METRICS_AT_SCRAPE)
        render_scrape(server, streams, id, text);
    else if (row->place == METRICS_AT_WORKER)
        render_workers(server, id, text);
    else if (row->type == METRICS_HISTOGRAM)
        render_histograms(server->metrics, id, text);
    else if (row->label != NULL)
        render_labels(server->metrics, id, text);
    else
        exporter_text_sample(text, id, "", value_sum(server->metrics, id));
}

void exporter_render(struct server *server, struct exporter_text *text)
{
    struct exporter_streams streams;

    exporter_collect_all(server, text);
    if (exporter_streams_open(&streams, server->metrics) != 0)
        text->failed = 1;
    for (int id = 0; id < METRICS_IDS && !text->failed; id++) {
        render_row(server, &streams, (enum metrics_id)id, text);
        exporter_text_rest(text);
    }
    exporter_streams_close(&streams);
    text->held += clock_now() - text->slice_at;
}

/*
 * Counting. A process is the only writer of its block, and a reader in another process needs no
 * consistent view of several counters, so plain relaxed loads and stores are enough. A label gets
 * its cell when it first occurs; labels come from tables of the server (limits, gates, formats), so
 * there are few of them, and a linear search is enough for events as rare as a join or a refusal.
 */
#include "app/core/metrics.h"

#include "app/core/metrics_private.h"
#include "base/clock.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The share of a processor is not measured more often. */
#define SHARE_SPAN USEC_PER_SEC

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic uint64_t *value, uint64_t to)
{
    atomic_store_explicit(value, to, memory_order_relaxed);
}

static void add(_Atomic uint64_t *value, int64_t delta)
{
    store(value, load(value) + (uint64_t)delta);
}

struct metrics *metrics_new(struct shared_memory *memory, int processes, size_t streams)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    size_t bytes = (size_t)processes * sizeof(*metrics->block);

    assert(processes > 0);
    if (metrics == NULL)
        return NULL;
    metrics->count = processes;
    metrics->slot = -1;
    metrics->block = shared_memory_map(memory, metrics_table_kind(sizeof(*metrics->block)), &bytes);
    if (metrics->block == NULL || bytes != (size_t)processes * sizeof(*metrics->block) ||
        metrics_stream_open(metrics, memory, streams) != 0) {
        metrics_free(metrics);
        return NULL;
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    metrics_stream_close(metrics);
    if (metrics->block != NULL)
        (void)munmap(metrics->block, (size_t)metrics->count * sizeof(*metrics->block));
    free(metrics);
}

void metrics_begin(struct metrics *metrics, int slot)
{
    struct metrics_block *block;

    if (metrics == NULL)
        return;
    assert(slot >= 0 && slot < metrics->count);
    metrics->slot = slot;
    block = &metrics->block[slot];
    block->pid = (int32_t)getpid();
    block->cpu_at = clock_now();
    add(&block->starts, 1);
}

static int is_gauge(enum metrics_id id)
{
    return metrics_table_row(id)->type == METRICS_GAUGE;
}

void metrics_reap(struct metrics *metrics, int slot)
{
    struct metrics_block *block;

    if (metrics == NULL)
        return;
    block = &metrics->block[slot];
    block->pid = 0;
    add(&block->cpu_before, (int64_t)load(&block->cpu_time));
    store(&block->cpu_time, 0);
    store(&block->cpu_from, 0);
    store(&block->cpu_share, 0);
    for (int i = 0; i < METRICS_IDS; i++)
        if (is_gauge((enum metrics_id)i))
            store(&block->value[i], 0);
    for (int i = 0; i < METRICS_CELLS; i++)
        if (block->cell[i].is_used && is_gauge(block->cell[i].id))
            store(&block->cell[i].value, 0);
    metrics_stream_reap(metrics, slot);
}

/* ---- counting ---- */

static struct metrics_block *own_block(struct metrics *metrics)
{
    return metrics != NULL && metrics->slot >= 0 ? &metrics->block[metrics->slot] : NULL;
}

void metrics_add(struct metrics *metrics, enum metrics_id id, int64_t delta)
{
    struct metrics_block *block = own_block(metrics);

    if (block != NULL)
        add(&block->value[id], delta);
}

static int label_is(const char *label, const char *wanted)
{
    return strncmp(label, wanted, METRICS_LABEL_MAX - 1) == 0;
}

/* The cell of a label; the last one is for all further labels. */
static struct metrics_cell *cell_of(struct metrics_block *block, enum metrics_id id,
                                    const char *label)
{
    struct metrics_cell *cell = block->cell;

    for (int i = 0; i < METRICS_CELLS - 1; i++, cell++) {
        if (cell->is_used && cell->id == id && label_is(cell->label, label))
            return cell;
        if (!cell->is_used)
            break;
    }
    if (cell == &block->cell[METRICS_CELLS - 1])
        return NULL;
    cell->id = id;
    (void)str_copy(cell->label, sizeof(cell->label), label);
    cell->is_used = 1;
    return cell;
}

void metrics_add_label(struct metrics *metrics, enum metrics_id id, const char *label,
                       int64_t delta)
{
    struct metrics_block *block = own_block(metrics);
    struct metrics_cell *cell;

    if (block == NULL)
        return;
    cell = cell_of(block, id, label);
    /* No room: the value without a label is shown as "other". */
    add(cell != NULL ? &cell->value : &block->value[id], delta);
}

static struct metrics_series *series_of(struct metrics_block *block, enum metrics_id id,
                                        const char *label)
{
    for (int i = 0; i < METRICS_HISTOGRAMS; i++) {
        struct metrics_series *series = &block->series[i];

        if (series->is_used && series->id == id && label_is(series->label, label))
            return series;
        if (series->is_used)
            continue;
        series->id = id;
        (void)str_copy(series->label, sizeof(series->label), label);
        series->is_used = 1;
        return series;
    }
    return NULL;
}

void metrics_histogram_add(struct metrics_histogram *histogram, enum metrics_id id, usec_t time)
{
    const usec_t *bounds = metrics_table_row(id)->bounds;
    int i = 0;

    assert(bounds != NULL);
    if (time < 0)
        time = 0;
    while (bounds[i] != 0 && time > bounds[i])
        i++;
    /* Histograms of streams have several writers. */
    atomic_fetch_add_explicit(&histogram->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, (uint64_t)time, memory_order_relaxed);
}

void metrics_observe(struct metrics *metrics, enum metrics_id id, const char *label, usec_t time)
{
    struct metrics_block *block = own_block(metrics);
    struct metrics_series *series =
        block != NULL ? series_of(block, id, label != NULL ? label : "") : NULL;

    if (series != NULL)
        metrics_histogram_add(&series->histogram, id, time);
}

/* ---- reading ---- */

int metrics_count(const struct metrics *metrics)
{
    return metrics->count;
}

struct metrics_block *metrics_block(const struct metrics *metrics, int slot)
{
    assert(slot >= 0 && slot < metrics->count);
    return &metrics->block[slot];
}

int metrics_slot(const struct metrics *metrics)
{
    return metrics->slot;
}

/* Processor time of another process, exactly; 0 when it is gone. */
static uint64_t process_time(pid_t pid)
{
    struct timespec time;
    clockid_t clock;

    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

uint64_t metrics_cpu_time(struct metrics *metrics, int slot)
{
    struct metrics_block *block = &metrics->block[slot];
    uint64_t now = process_time(block->pid);

    if (now > load(&block->cpu_time))
        store(&block->cpu_time, now);
    return load(&block->cpu_before) + load(&block->cpu_time);
}

uint64_t metrics_cpu_share(struct metrics *metrics, int slot, usec_t now)
{
    struct metrics_block *block = &metrics->block[slot];
    usec_t span = now - block->cpu_at;
    uint64_t used;

    (void)metrics_cpu_time(metrics, slot);
    used = load(&block->cpu_time) - load(&block->cpu_from);
    if (span < SHARE_SPAN || block->pid == 0)
        return load(&block->cpu_share);
    store(&block->cpu_share, used * 1000000 / (uint64_t)span);
    store(&block->cpu_from, load(&block->cpu_time));
    block->cpu_at = now;
    return load(&block->cpu_share);
}

/*
 * Percentages and rates need two samples. They are taken when somebody asks, at least a second
 * apart: nothing has to run while nobody does. The first answer describes the time since the
 * server's start.
 */
#include "app/control/api_state.h"

#include "base/proc_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_MIN     USEC_PER_SEC
#define SAMPLE_FILE    ((size_t)32 * 1024)
#define CPU_IDLE       3
#define CPU_GUEST      8
#define DISK_BUSY      9 /* place of the busy time among a disk's numbers, after major and minor */
#define DISK_NAME_SKIP 2

static uint64_t own_ticks(char *text)
{
    struct proc_text_stat stat;

    (void)proc_text_read("/proc/self/stat", text, SAMPLE_FILE);
    if (proc_text_stat_parse(text, &stat) != 0)
        return 0;
    return (uint64_t)(stat.value[proc_text_stat_index("utime")] +
                      stat.value[proc_text_stat_index("stime")]);
}

/* The busy time of the disk that was busiest since the machine's start. A line is "major minor name
 * reads … busy …". */
static uint64_t disk_busy(char *text)
{
    uint64_t most = 0;
    char *save = NULL;

    (void)proc_text_read("/proc/diskstats", text, SAMPLE_FILE);
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *p = line + strspn(line, " ");
        uint64_t n[DISK_BUSY + 1];

        for (int i = 0; i < DISK_NAME_SKIP; i++) {
            p += strcspn(p, " ");
            p += strspn(p, " ");
        }
        p += strcspn(p, " "); /* its name may end in a digit */
        if (proc_text_numbers(p, "", n, DISK_BUSY + 1) == DISK_BUSY + 1 && n[DISK_BUSY] > most)
            most = n[DISK_BUSY];
    }
    return most;
}

static void sample_take(struct api_sample *sample)
{
    char *text = malloc(SAMPLE_FILE);

    memset(sample, 0, sizeof(*sample));
    sample->at = clock_now();
    sample->now_ms = (int64_t)(clock_wall() / USEC_PER_MS);
    if (text == NULL)
        return;
    (void)proc_text_read("/proc/stat", text, SAMPLE_FILE);
    (void)proc_text_numbers(text, "cpu ", sample->cpu, API_CPU_FIELDS);
    sample->own = own_ticks(text);
    (void)proc_text_read("/proc/vmstat", text, SAMPLE_FILE);
    (void)proc_text_numbers(text, "pgpgin ", &sample->paged[0], 1);
    (void)proc_text_numbers(text, "pgpgout ", &sample->paged[1], 1);
    sample->busy_ms = disk_busy(text);
    free(text);
}

const struct api_state *api_state_sample(const struct server *server)
{
    struct api_state *state = observer_own(server, &api_state_observer);

    if (state == NULL || clock_now() - state->last.at < SAMPLE_MIN)
        return state;
    state->before = state->last;
    sample_take(&state->last);
    return state;
}

/* ---- of two samples ---- */

static double span_s(const struct api_state *state)
{
    return (double)(state->last.at - state->before.at) / (double)USEC_PER_SEC;
}

/* How much a counter grew; 0 for one that was reset. */
static uint64_t grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

double api_state_own(const struct api_state *state)
{
    long per_second = sysconf(_SC_CLK_TCK);
    double span = span_s(state);

    if (state->before.at == 0 || span <= 0 || per_second <= 0)
        return 0;
    return (double)grown(state->before.own, state->last.own) / (double)per_second / span;
}

uint64_t api_state_ticks(const struct api_state *state, int field)
{
    assert(field >= 0 && field < API_CPU_FIELDS);
    return state->before.at != 0 ? grown(state->before.cpu[field], state->last.cpu[field]) : 0;
}

double api_state_cpu(const struct api_state *state)
{
    uint64_t all = 0;

    /* Guest time is part of user time. */
    for (int i = 0; i < CPU_GUEST; i++)
        all += api_state_ticks(state, i);
    return all > 0 ? 1 - (double)api_state_ticks(state, CPU_IDLE) / (double)all : 0;
}

int64_t api_state_paged(const struct api_state *state, int way)
{
    double span = span_s(state);

    if (state->before.at == 0 || span <= 0)
        return 0;
    return (int64_t)((double)grown(state->before.paged[way], state->last.paged[way]) / span);
}

double api_state_busy(const struct api_state *state)
{
    double span = span_s(state);
    double busy;

    if (state->before.at == 0 || span <= 0)
        return 0;
    busy = (double)grown(state->before.busy_ms, state->last.busy_ms) / 1000 / span;
    return busy < 1 ? busy : 1;
}

/* ---- the row ---- */

static struct err *state_open(struct server *server, void **own)
{
    struct api_state *state = calloc(1, sizeof(*state));

    (void)server;
    if (state == NULL)
        return err_new(ERR_NOMEM, "no memory for the API");
    sample_take(&state->last);
    *own = state;
    return NULL;
}

static void state_close(struct server *server, void *own)
{
    (void)server;
    free(own);
}

const struct observer api_state_observer = {
    .name = "api", .open = state_open, .close = state_close};

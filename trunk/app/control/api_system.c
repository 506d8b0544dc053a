/*
 * The server and its machine, from the kernel's counters. With several workers each reports itself,
 * and api_workers.c adds the numbers.
 */
#include "app/control/api_system.h"

#include "app/control/api_machine.h"
#include "app/control/api_state.h"
#include "app/stream/publication.h"
#include "app/stream/session_list.h"
#include "app/stream/stream.h"
#include "base/proc_text.h"
#include "base/str.h"
#include "base/version.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ARGV_MAX 1024

static int64_t now_ms(void)
{
    return (int64_t)(clock_wall() / USEC_PER_MS);
}

/* Two decimals, as SRS rounds ratios. */
static json_t *ratio(double value)
{
    return json_real((double)(int64_t)(value * 100 + 0.5) / 100);
}

/* ---- summaries ---- */

/* Streams that are published here, so that the sum over all workers counts each once; and the bytes
 * in the rings of all formats, and of incomplete messages of publishers. */
struct stream_sums {
    json_int_t published, ring_bytes;
};

static void sums_add(struct source *source, void *arg)
{
    struct stream_sums *sums = arg;
    struct source_stat stat;

    source_stat(source, &stat);
    sums->published +=
        source_state(source) == SOURCE_LIVE && !stream_is_worker_pull(source_data(source));
    sums->ring_bytes += (json_int_t)stat.ring_bytes;
    if (source_data(source) != NULL)
        sums->ring_bytes += (json_int_t)publication_pending(source_data(source));
}

/* used: of this process and, if there are several, of all together; streams: in the rings of all
 * formats, and what publishers have sent of incomplete messages. */
static json_t *memory_json(const struct server *server, const struct stream_sums *sums)
{
    const struct memory *memory = &server->memory;

    return json_pack("{s:I,s:I,s:I,s:b}", "limit", (json_int_t)memory->limit, "used",
                     (json_int_t)(memory->used + memory->others), "streams", sums->ring_bytes,
                     "refuses", memory->level != MEMORY_EASY);
}

/* The program and its arguments, which tell no secrets: those stand in the configuration. */
static json_t *argv_json(void)
{
    char text[ARGV_MAX];
    size_t n = proc_text_read("/proc/self/cmdline", text, sizeof(text));

    for (size_t i = 0; i + 1 < n; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    return api_json_text(text);
}

static json_t *cwd_json(void)
{
    char text[ARGV_MAX];

    return api_json_text(getcwd(text, sizeof(text)) != NULL ? text : "");
}

/* Reads the kernel's line about this process. With several workers, what names the process is the
 * master's: all of them are one server. 0 or -1. */
static int stat_read(const struct server *server, struct proc_text_stat *out)
{
    static const char *const names[] = {"pid",    "ppid",  "pgrp",     "session",
                                        "tty_nr", "tpgid", "starttime"};
    char text[PROC_TEXT_STAT_SIZE];
    struct proc_text_stat master;
    char path[40];

    (void)proc_text_read("/proc/self/stat", text, sizeof(text));
    if (proc_text_stat_parse(text, out) != 0)
        return -1;
    (void)str_format(path, sizeof(path), "/proc/%d/stat", (int)server->pid);
    (void)proc_text_read(path, text, sizeof(text));
    if (server->pid == getpid() || proc_text_stat_parse(text, &master) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int at = proc_text_stat_index(names[i]);

        out->value[at] = master.value[at];
    }
    out->state = master.state;
    (void)str_copy(out->comm, sizeof(out->comm), master.comm);
    return 0;
}

static json_t *self_json(const struct server *server, const struct api_state *state)
{
    usec_t up = clock_now() - server->started_at;
    uint64_t total = api_machine_memory("MemTotal:");
    struct proc_text_stat stat;
    struct rusage usage;
    json_t *self;

    (void)stat_read(server, &stat);
    (void)getrusage(RUSAGE_SELF, &usage);
    self = json_pack("{s:s,s:i,s:i,s:o,s:o,s:I,s:I,s:I}", "version", MILLRACE_VERSION, "pid",
                     (int)server->pid, "ppid", (int)stat.value[proc_text_stat_index("ppid")],
                     "argv", argv_json(), "cwd", cwd_json(), "srs_uptime",
                     (json_int_t)(up / USEC_PER_SEC), "uptime_ms", (json_int_t)(up / USEC_PER_MS),
                     "mem_kbyte", (json_int_t)usage.ru_maxrss);
    (void)json_object_set_new(self, "mem_percent",
                              ratio(total > 0 ? (double)usage.ru_maxrss / (double)total : 0));
    (void)json_object_set_new(self, "cpu_percent", ratio(state != NULL ? api_state_own(state) : 0));
    return self;
}

int api_system_summaries(const struct api_query *query, json_t *out)
{
    const struct server *server = query->server;
    const struct api_state *state = api_state_sample(server);
    struct session_totals totals;
    struct stream_sums sums = {0, 0};
    json_t *system = api_machine_json(state);
    json_t *data;

    session_list_totals(server, &totals);
    hub_each(server->hub, sums_add, &sums);
    if (api_json_set(system, "srs_sample_time", json_integer(now_ms())) != 0 ||
        api_json_set(system, "srs_recv_bytes", json_integer((json_int_t)totals.bytes_in)) != 0 ||
        api_json_set(system, "srs_send_bytes", json_integer((json_int_t)totals.bytes_out)) != 0 ||
        api_json_set(system, "conn_srs", json_integer((json_int_t)server->connections)) != 0) {
        json_decref(system);
        return -1;
    }
    data =
        json_pack("{s:b,s:I,s:o,s:o,s:{s:I,s:I,s:I},s:o}", "ok", 1, "now_ms", (json_int_t)now_ms(),
                  "self", self_json(server, state), "system", system, "srs", "conn_srs",
                  (json_int_t)server->connections, "streams", sums.published, "clients",
                  (json_int_t)server->client_count, "memory", memory_json(server, &sums));
    return api_json_set(out, "data", data);
}

/* ---- the process ---- */

int api_system_rusages(const struct api_query *query, json_t *out)
{
    struct rusage u;
    json_t *data;

    (void)query;
    (void)getrusage(RUSAGE_SELF, &u);
    data = json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
                     "ok", 1, "sample_time", (json_int_t)now_ms(), "ru_utime",
                     (json_int_t)u.ru_utime.tv_sec, "ru_stime", (json_int_t)u.ru_stime.tv_sec,
                     "ru_maxrss", (json_int_t)u.ru_maxrss, "ru_ixrss", (json_int_t)u.ru_ixrss,
                     "ru_idrss", (json_int_t)u.ru_idrss, "ru_isrss", (json_int_t)u.ru_isrss,
                     "ru_minflt", (json_int_t)u.ru_minflt, "ru_majflt", (json_int_t)u.ru_majflt,
                     "ru_nswap", (json_int_t)u.ru_nswap, "ru_inblock", (json_int_t)u.ru_inblock,
                     "ru_oublock", (json_int_t)u.ru_oublock, "ru_msgsnd", (json_int_t)u.ru_msgsnd,
                     "ru_msgrcv", (json_int_t)u.ru_msgrcv, "ru_nsignals", (json_int_t)u.ru_nsignals,
                     "ru_nvcsw", (json_int_t)u.ru_nvcsw, "ru_nivcsw", (json_int_t)u.ru_nivcsw);
    return api_json_set(out, "data", data);
}

int api_system_process(const struct api_query *query, json_t *out)
{
    const struct api_state *state = api_state_sample(query->server);
    struct proc_text_stat stat;
    json_t *data = json_pack("{s:I}", "sample_time", (json_int_t)now_ms());
    int rc = data != NULL ? 0 : -1;
    int is_ok = stat_read(query->server, &stat) == 0;

    rc |= api_json_set(data, "ok", json_boolean(is_ok));
    rc |= api_json_set(data, "percent", json_real(state != NULL ? api_state_own(state) : 0));
    rc |= api_json_set(data, "comm", api_json_text(stat.comm));
    rc |= api_json_set(data, "state", api_json_text((char[2]){stat.state, '\0'}));
    for (int i = 0; i < PROC_TEXT_STAT_COUNT; i++)
        rc |= api_json_set(data, proc_text_stat_name(i), json_integer((json_int_t)stat.value[i]));
    if (rc == 0)
        return json_object_set_new(out, "data", data);
    json_decref(data);
    return -1;
}

/* ---- the machine ---- */

int api_system_processors(const struct api_query *query, json_t *out)
{
    /* In the order of /proc/stat. */
    static const char *const names[] = {"user", "nice",    "sys",   "idle", "iowait",
                                        "irq",  "softirq", "steal", "guest"};
    const struct api_state *state = api_state_sample(query->server);
    json_t *data = json_pack("{s:b,s:I}", "ok", state != NULL, "sample_time", (json_int_t)now_ms());
    int rc = data != NULL ? 0 : -1;

    rc |= api_json_set(data, "percent", json_real(state != NULL ? api_state_cpu(state) : 0));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        rc |= api_json_set(data, names[i],
                           json_integer(state != NULL ? (json_int_t)state->last.cpu[i] : 0));
    if (rc == 0)
        return json_object_set_new(out, "data", data);
    json_decref(data);
    return -1;
}

int api_system_memory(const struct api_query *query, json_t *out)
{
    (void)query;
    return api_json_set(out, "data", api_machine_meminfos());
}

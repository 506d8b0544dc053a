/*
 * A stream with viewers at several workers is one stream: each worker counts its own viewers, and
 * the publisher's worker counts the input. So numbers are added, and everything else is taken from
 * the worker with the publisher. Which numbers can be added is listed here for each answer; the
 * others are the machine's, or the same everywhere.
 */
#include "app/control/api_merge.h"

#include "base/str.h"

#include <stddef.h>
#include <string.h>

#define MEMBER_MAX 32

static const char *const thing_sums[] = {"clients",       "streams",    "frames",
                                         "send_bytes",    "recv_bytes", "kbps.recv_30s",
                                         "kbps.send_30s", NULL};

/* Each worker reports the memory of all processes, but only its own streams' memory. */
static const char *const summary_sums[] = {"self.mem_kbyte",
                                           "self.mem_percent",
                                           "self.cpu_percent",
                                           "system.conn_srs",
                                           "system.srs_recv_bytes",
                                           "system.srs_send_bytes",
                                           "srs.conn_srs",
                                           "srs.streams",
                                           "srs.clients",
                                           "memory.streams",
                                           NULL};

static const char *const usage_sums[] = {
    "ru_utime",   "ru_stime",  "ru_maxrss", "ru_minflt",   "ru_majflt", "ru_nswap",  "ru_inblock",
    "ru_oublock", "ru_msgsnd", "ru_msgrcv", "ru_nsignals", "ru_nvcsw",  "ru_nivcsw", NULL};

static const char *const process_sums[] = {
    "percent", "minflt",      "cminflt", "majflt", "cmajflt",    "utime",       "stime", "cutime",
    "cstime",  "num_threads", "vsize",   "rss",    "guest_time", "cguest_time", NULL};

static const char *const no_sums[] = {NULL};

static const struct api_merge merges[] = {
    {"streams", "stream", thing_sums, 1},        {"clients", "client", no_sums, 1},
    {"vhosts", "vhost", thing_sums, 0},          {"kicks", "kick", no_sums, 0},
    {"records-start", "record", no_sums, 0},     {"records-stop", "record", no_sums, 0},
    {"summaries", "data", summary_sums, 0},      {"rusages", "data", usage_sums, 0},
    {"self_proc_stats", "data", process_sums, 0}};

const struct api_merge *api_merge_find(const char *name)
{
    for (size_t i = 0; i < sizeof(merges) / sizeof(merges[0]); i++)
        if (strcmp(merges[i].name, name) == 0)
            return &merges[i];
    return NULL;
}

static void add_number(json_t *to, const json_t *from, const char *key)
{
    json_t *mine = json_object_get(to, key);
    const json_t *theirs = json_object_get(from, key);

    if (json_is_integer(mine) && json_is_integer(theirs))
        (void)json_integer_set(mine, json_integer_value(mine) + json_integer_value(theirs));
    else if (json_is_real(mine) && json_is_number(theirs))
        (void)json_real_set(mine, json_real_value(mine) + json_number_value(theirs));
}

/* path: a member, or "member.member". */
static void add_at(json_t *to, const json_t *from, const char *path)
{
    const char *dot = strchr(path, '.');
    char member[MEMBER_MAX];

    if (dot == NULL) {
        add_number(to, from, path);
        return;
    }
    (void)str_copy_n(member, sizeof(member), path, (size_t)(dot - path));
    add_number(json_object_get(to, member), json_object_get(from, member), dot + 1);
}

static int has_publisher(const json_t *thing)
{
    return json_is_true(json_object_get(json_object_get(thing, "publish"), "active"));
}

void api_merge_add(const struct api_merge *merge, json_t *to, const json_t *from)
{
    static const char *const facts[] = {"publish", "video", "audio", "tcUrl", "record"};

    for (const char *const *path = merge->sums; *path != NULL; path++)
        add_at(to, from, *path);
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]) && has_publisher(from); i++)
        (void)json_object_set(to, facts[i], json_object_get(from, facts[i]));
}

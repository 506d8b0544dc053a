/*
 * Facts about the machine under the names and in the units of SRS (one of them misspelt there, and
 * so here). Traffic is counted by interface: one with a public address counts as outside, all
 * others as inside.
 */
#include "app/control/api_machine.h"

#include "app/control/api_json.h"
#include "app/control/api_state.h"
#include "base/ip.h"
#include "base/proc_text.h"
#include "base/str.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MACHINE_FILE ((size_t)16 * 1024)

struct memory_lines {
    uint64_t total, free, buffers, cached, swap_total, swap_free, active;
};

static void lines_read(struct memory_lines *m)
{
    char text[4096];

    (void)proc_text_read("/proc/meminfo", text, sizeof(text));
    (void)proc_text_numbers(text, "MemTotal:", &m->total, 1);
    (void)proc_text_numbers(text, "MemFree:", &m->free, 1);
    (void)proc_text_numbers(text, "Buffers:", &m->buffers, 1);
    (void)proc_text_numbers(text, "Cached:", &m->cached, 1);
    (void)proc_text_numbers(text, "SwapTotal:", &m->swap_total, 1);
    (void)proc_text_numbers(text, "SwapFree:", &m->swap_free, 1);
    (void)proc_text_numbers(text, "Active:", &m->active, 1);
}

uint64_t api_machine_memory(const char *name)
{
    char text[4096];
    uint64_t value;

    (void)proc_text_read("/proc/meminfo", text, sizeof(text));
    (void)proc_text_numbers(text, name, &value, 1);
    return value;
}

/* What programs use: all but what is free or could be given up. */
static uint64_t lines_used(const struct memory_lines *m)
{
    uint64_t rest = m->free + m->buffers + m->cached;

    return m->total > rest ? m->total - rest : 0;
}

static double share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)(uint64_t)((double)part / (double)all * 100 + 0.5) / 100 : 0;
}

static uint64_t swap_used(const struct memory_lines *m)
{
    return m->swap_total > m->swap_free ? m->swap_total - m->swap_free : 0;
}

json_t *api_machine_meminfos(void)
{
    struct memory_lines m;
    uint64_t used;

    lines_read(&m);
    used = lines_used(&m);
    return json_pack("{s:b,s:I,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "ok", m.total > 0,
                     "sample_time", (json_int_t)(clock_wall() / USEC_PER_MS), "percent_ram",
                     share(used, m.total), "percent_swap", share(swap_used(&m), m.swap_total),
                     "MemActive", (json_int_t)m.active, "RealInUse", (json_int_t)used, "NotInUse",
                     (json_int_t)(m.total - used), "MemTotal", (json_int_t)m.total, "MemFree",
                     (json_int_t)m.free, "Buffers", (json_int_t)m.buffers, "Cached",
                     (json_int_t)m.cached, "SwapTotal", (json_int_t)m.swap_total, "SwapFree",
                     (json_int_t)m.swap_free);
}

/* ---- the network ---- */

static int is_public(const struct sockaddr *address)
{
    static const char *const inside[] = {"10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",
                                         "100.64.0.0/10", "127.0.0.0/8",   "169.254.0.0/16",
                                         "fc00::/7",      "fe80::/10",     "::1"};
    struct ip ip;

    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        ip_from_v4((const uint8_t *)&v4->sin_addr, &ip);
    } else {
        ip_from_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr, &ip);
    }
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        struct ip_network network;

        if (ip_network_parse(inside[i], &network) == 0 && ip_network_has(&network, &ip))
            return 0;
    }
    return 1;
}

static int has_public(const struct ifaddrs *list, const char *name, size_t len)
{
    for (; list != NULL; list = list->ifa_next)
        if (list->ifa_addr != NULL && strlen(list->ifa_name) == len &&
            memcmp(list->ifa_name, name, len) == 0 &&
            (list->ifa_addr->sa_family == AF_INET || list->ifa_addr->sa_family == AF_INET6) &&
            is_public(list->ifa_addr))
            return 1;
    return 0;
}

/* Bytes received and sent, outside and then inside. */
static void traffic_read(uint64_t bytes[4])
{
    char *text = malloc(MACHINE_FILE);
    struct ifaddrs *list = NULL;
    char *save = NULL;

    memset(bytes, 0, 4 * sizeof(*bytes));
    if (text == NULL || getifaddrs(&list) != 0)
        list = NULL;
    if (text != NULL)
        (void)proc_text_read("/proc/net/dev", text, MACHINE_FILE);
    for (char *line = text != NULL ? strtok_r(text, "\n", &save) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *name = line + strspn(line, " ");
        const char *colon = strchr(name, ':');
        uint64_t n[9];

        if (colon == NULL || proc_text_numbers(colon + 1, "", n, 9) != 9)
            continue;
        if (has_public(list, name, (size_t)(colon - name))) {
            bytes[0] += n[0];
            bytes[1] += n[8];
        } else {
            bytes[2] += n[0];
            bytes[3] += n[8];
        }
    }
    freeifaddrs(list);
    free(text);
}

struct sockets {
    uint64_t tcp, waiting, established, udp;
};

static uint64_t socket_number(const char *path, const char *line, int place)
{
    char text[1024];
    uint64_t n[5];

    (void)proc_text_read(path, text, sizeof(text));
    (void)proc_text_numbers(text, line, n, 5);
    return n[place];
}

static void sockets_read(struct sockets *s)
{
    char text[4096];
    uint64_t n[9];

    /* "TCP: inuse 4 orphan 0 tw 0 …" */
    s->tcp = socket_number("/proc/net/sockstat", "TCP:", 0) +
             socket_number("/proc/net/sockstat6", "TCP6:", 0);
    s->waiting = socket_number("/proc/net/sockstat", "TCP:", 2);
    s->udp = socket_number("/proc/net/sockstat", "UDP:", 0) +
             socket_number("/proc/net/sockstat6", "UDP6:", 0);
    /* The line of names has no number, the one after it has: its last but some is CurrEstab. */
    (void)proc_text_read("/proc/net/snmp", text, sizeof(text));
    (void)proc_text_numbers(text, "Tcp: 1", n, 9);
    s->established = n[6];
}

/* ---- summaries ---- */

static int put_network(json_t *system)
{
    struct sockets sockets;
    uint64_t bytes[4];
    json_t *part;
    int rc;

    traffic_read(bytes);
    sockets_read(&sockets);
    part = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "net_sample_time",
                     (json_int_t)(clock_wall() / USEC_PER_MS), "net_recv_bytes",
                     (json_int_t)bytes[0], "net_send_bytes", (json_int_t)bytes[1],
                     "net_recvi_bytes", (json_int_t)bytes[2], "net_sendi_bytes",
                     (json_int_t)bytes[3], "conn_sys", (json_int_t)(sockets.tcp + sockets.udp),
                     "conn_sys_et", (json_int_t)sockets.established, "conn_sys_tw",
                     (json_int_t)sockets.waiting, "conn_sys_udp", (json_int_t)sockets.udp);
    rc = part != NULL ? json_object_update(system, part) : -1;
    json_decref(part);
    return rc;
}

static int put_load(json_t *system)
{
    double load[3] = {0, 0, 0};
    char text[128];
    char *end = text;
    double uptime, idle;
    json_t *part;
    int rc;

    (void)proc_text_read("/proc/uptime", text, sizeof(text));
    uptime = strtod(text, &end);
    idle = strtod(end, NULL);
    (void)getloadavg(load, 3);
    part = json_pack("{s:f,s:f,s:f,s:f,s:f}", "uptime", uptime, "ilde_time", idle, "load_1m",
                     load[0], "load_5m", load[1], "load_15m", load[2]);
    rc = part != NULL ? json_object_update(system, part) : -1;
    json_decref(part);
    return rc;
}

json_t *api_machine_json(const struct api_state *state)
{
    struct memory_lines m;
    json_t *system;

    lines_read(&m);
    system =
        json_pack("{s:I,s:I,s:f,s:I,s:I,s:f,s:I,s:f,s:I,s:f}", "cpus",
                  (json_int_t)sysconf(_SC_NPROCESSORS_CONF), "cpus_online",
                  (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "cpu_percent",
                  state != NULL ? api_state_cpu(state) : 0.0, "disk_read_KBps",
                  (json_int_t)(state != NULL ? api_state_paged(state, 0) : 0), "disk_write_KBps",
                  (json_int_t)(state != NULL ? api_state_paged(state, 1) : 0), "disk_busy_percent",
                  state != NULL ? api_state_busy(state) : 0.0, "mem_ram_kbyte", (json_int_t)m.total,
                  "mem_ram_percent", share(lines_used(&m), m.total), "mem_swap_kbyte",
                  (json_int_t)m.swap_total, "mem_swap_percent", share(swap_used(&m), m.swap_total));
    if (system == NULL || put_network(system) != 0 || put_load(system) != 0) {
        json_decref(system);
        return NULL;
    }
    return system;
}

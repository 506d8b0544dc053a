/*
 * Shared by the bench tools. They are small programs with one thread, and exit at the first error
 * in their arguments or the machine's limits: a defective measurement is worthless.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t bench_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int bench_wait(int epoll, struct epoll_event *event, int max, int64_t until)
{
    int64_t wait = until - bench_now();
    struct timespec timeout = {0, 0};

    if (wait > 0) {
        timeout.tv_sec = wait / NS_PER_SEC;
        timeout.tv_nsec = wait % NS_PER_SEC;
    }
    return epoll_pwait2(epoll, event, max, &timeout, NULL);
}

void bench_die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("bench: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void bench_usage(const char *text, int option)
{
    fprintf(option == BENCH_HELP ? stdout : stderr, "usage: %s", text);
    exit(option == BENCH_HELP ? 0 : 1);
}

double bench_number(const char *text, const char *what, double min, double max)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= min && value <= max))
        bench_die("%s: '%s' is not a number from %g to %g", what, text, min, max);
    return value;
}

int bench_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        bench_die("getrlimit: %s", strerror(errno));
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        bench_die("setrlimit: %s", strerror(errno));
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
}

struct sockaddr_in bench_address(const char *text, int port_default)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN];
    const char *colon = strchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);
    int port = port_default;

    if (len >= sizeof(host))
        bench_die("'%s' is not an IPv4 address", text);
    memcpy(host, text, len);
    host[len] = '\0';
    if (colon != NULL)
        port = (int)bench_number(colon + 1, "port", 0, 65535);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        bench_die("'%s' is not an IPv4 address", host);
    address.sin_port = htons((uint16_t)port);
    return address;
}

int bench_connect(const struct sockaddr_in *to, const struct sockaddr_in *from)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (from != NULL) {
        /* The port is chosen at connect(), per destination: 28,000 for each pair of addresses. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (bind(fd, (const struct sockaddr *)from, sizeof(*from)) != 0)
            goto fail;
    }
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 && errno != EINPROGRESS)
        goto fail;
    return fd;
fail:
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

int bench_listen(const struct sockaddr_in *at)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        bench_die("socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 || listen(fd, 4096) != 0)
        bench_die("listen: %s", strerror(errno));
    return fd;
}

void samples_add(struct samples *samples, double value)
{
    if (samples->count == samples->capacity) {
        size_t capacity = samples->capacity > 0 ? samples->capacity * 2 : 1024;
        double *grown;

        if (capacity > SAMPLES_MAX) {
            samples->dropped++;
            return;
        }
        grown = realloc(samples->value, capacity * sizeof(*grown));
        if (grown == NULL)
            bench_die("out of memory");
        samples->value = grown;
        samples->capacity = capacity;
    }
    samples->value[samples->count++] = value;
}

void samples_fini(struct samples *samples)
{
    free(samples->value);
    *samples = (struct samples){0};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double samples_quantile(struct samples *samples, double q)
{
    size_t index;

    if (samples->count == 0)
        return 0;
    qsort(samples->value, samples->count, sizeof(double), compare_doubles);
    index = (size_t)(q * (double)samples->count);
    if (index >= samples->count)
        index = samples->count - 1;
    return samples->value[index];
}

void samples_print(struct samples *samples, const char *name)
{
    printf(",\"%s\":{\"n\":%zu,\"min\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name,
           samples->count, samples_quantile(samples, 0), samples_quantile(samples, 0.5),
           samples_quantile(samples, 0.99), samples_quantile(samples, 1));
}

static enum bench_word word_of(const char *line)
{
    static const struct {
        const char *text;
        enum bench_word word;
    } words[] = {
        {"begin", WORD_BEGIN}, {"end", WORD_END}, {"slow", WORD_SLOW}, {"quit", WORD_QUIT}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(line, words[i].text) == 0)
            return words[i].word;
    }
    return WORD_NONE;
}

enum bench_word bench_control_read(struct bench_control *control)
{
    char c;

    /* A byte at a time: the driver's words are rare, and one read gives at most one word. */
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') {
            control->line[control->len] = '\0';
            control->len = 0;
            return word_of(control->line);
        }
        if (control->len < sizeof(control->line) - 1)
            control->line[control->len++] = c;
    }
    return WORD_QUIT;
}

#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/*
 * Shared by the bench tools: the clock, sockets, a collection of samples and its quantiles, and
 * lines from standard input by which the driver controls them.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define NS_PER_MS  INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

/* CLOCK_MONOTONIC, the same for every process of one machine. */
int64_t bench_now(void);

/* Waits for events until a time at the most; gives how many there are, -1 with errno. */
int bench_wait(int epoll, struct epoll_event *event, int max, int64_t until);

/* Ends the program with a message. */
void bench_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Ends the program with its usage: asked for by --help (what getopt_long() gave), or deserved. */
void bench_usage(const char *text, int option) __attribute__((noreturn));
#define BENCH_HELP 'h'

/* A number within [min, max], or the program ends; what names the option. */
double bench_number(const char *text, const char *what, double min, double max);

/* As many descriptors as the hard limit allows; gives that number. */
int bench_raise_files(void);

/* "127.0.0.1:8080" (port_default without one). IPv4 addresses only: no name is looked up. */
struct sockaddr_in bench_address(const char *text, int port_default);

/*
 * A non-blocking connection that is on its way; from may be NULL (any source
 * address). -1 with errno.
 */
int bench_connect(const struct sockaddr_in *to, const struct sockaddr_in *from);

/* A listening non-blocking socket, or the program ends. */
int bench_listen(const struct sockaddr_in *at);

/* Samples of one quantity; beyond SAMPLES_MAX the rest is only counted. */
#define SAMPLES_MAX (4 * 1024 * 1024)

struct samples {
    double *value;
    size_t count, capacity;
    uint64_t dropped;
};

void samples_add(struct samples *samples, double value);
void samples_fini(struct samples *samples);
/* Sorts; q is 0 to 1. 0 without samples. */
double samples_quantile(struct samples *samples, double q);
/* Prints "name":{"n":…,"p50":…,"p99":…,"max":…} with a comma before it. */
void samples_print(struct samples *samples, const char *name);

/* What the driver said: one word per line. */
enum bench_word { WORD_NONE, WORD_BEGIN, WORD_END, WORD_SLOW, WORD_QUIT };

struct bench_control {
    char line[64];
    size_t len;
};

/* Reads standard input once (it must be readable); the end of it is WORD_QUIT. */
enum bench_word bench_control_read(struct bench_control *control);

#endif

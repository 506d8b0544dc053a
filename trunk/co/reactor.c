/*
 * One coroutine that waits for all descriptors.
 *
 * State Threads can only poll(), over every waiting descriptor. Instead this coroutine lets it poll
 * a single one, an epoll descriptor. When that is readable, all ready events are taken, the ready
 * bits of their connections are set and the coroutines that wait for them are woken. Waking only
 * queues a coroutine: no other code runs between epoll_wait() and the end of a batch, so no event
 * can outlive its connection. Connections are registered once and edge-triggered: no system call
 * per wait.
 *
 * The fine timers are a heap of deadlines on one timerfd, set only when an earlier deadline becomes
 * the first. It is edge-triggered as well and never read: setting it again clears it.
 */
#include "co/reactor.h"

#include <assert.h>
#include <errno.h>
#include <st.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define REACTOR_BATCH      512
#define REACTOR_ROUNDS_MAX 4 /* then other coroutines must run */
#define REACTOR_TIMERS_MIN 64

static struct {
    int epoll_fd;
    int timer_fd;
    st_netfd_t st_epoll;
    struct co **timers; /* binary heap, the earliest deadline first */
    size_t timer_count;
    size_t timer_cap;
    usec_t armed; /* what timer_fd is set to; 0 = it has fired */
    struct epoll_event events[REACTOR_BATCH];
} reactor;

/* ---- descriptors ---- */

int reactor_add(struct net_conn *conn)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};

    return epoll_ctl(reactor.epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

void reactor_remove(struct net_conn *conn)
{
    struct epoll_event event = {.events = 0};

    (void)epoll_ctl(reactor.epoll_fd, EPOLL_CTL_DEL, conn->fd, &event);
}

static void reactor_conn(struct net_conn *conn, uint32_t events)
{
    unsigned bits = 0;

    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        bits |= NET_IN;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        bits |= NET_OUT;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        bits |= NET_HUP;
    conn->ready |= (uint8_t)bits;
    if (conn->waiter != NULL && (conn->ready & conn->wanted) != 0)
        co_wake(conn->waiter);
}

/* ---- fine timers ---- */

static void timer_set(size_t i, struct co *co)
{
    reactor.timers[i] = co;
    co->timer_index = (int32_t)i;
}

static void timer_up(size_t i, struct co *co)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (reactor.timers[parent]->deadline <= co->deadline)
            break;
        timer_set(i, reactor.timers[parent]);
        i = parent;
    }
    timer_set(i, co);
}

static void timer_down(size_t i, struct co *co)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= reactor.timer_count)
            break;
        if (child + 1 < reactor.timer_count &&
            reactor.timers[child + 1]->deadline < reactor.timers[child]->deadline)
            child++;
        if (co->deadline <= reactor.timers[child]->deadline)
            break;
        timer_set(i, reactor.timers[child]);
        i = child;
    }
    timer_set(i, co);
}

/* Sets the timerfd for the earliest deadline, unless it fires earlier anyway. */
static void timer_arm(void)
{
    struct itimerspec spec = {{0, 0}, {0, 0}};
    usec_t due;

    if (reactor.timer_count == 0)
        return;
    due = (reactor.timers[0]->deadline + USEC_PER_MS - 1) / USEC_PER_MS * USEC_PER_MS;
    if (due <= 0)
        due = USEC_PER_MS;
    if (reactor.armed != 0 && reactor.armed <= due)
        return;
    reactor.armed = due;
    spec.it_value.tv_sec = due / USEC_PER_SEC;
    spec.it_value.tv_nsec = due % USEC_PER_SEC * 1000;
    /* Never fails for a valid time. */
    (void)timerfd_settime(reactor.timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

int reactor_timer_add(struct co *self)
{
    assert(self->timer_index < 0);
    /* A deadline beyond a lifetime counts as none, and rounding it up would overflow. */
    if (self->deadline > INT64_MAX / 2)
        return -1;
    if (reactor.timer_count == reactor.timer_cap) {
        size_t cap = reactor.timer_cap > 0 ? 2 * reactor.timer_cap : REACTOR_TIMERS_MIN;
        struct co **timers = reallocarray(reactor.timers, cap, sizeof(*timers));

        if (timers == NULL)
            return -1;
        reactor.timers = timers;
        reactor.timer_cap = cap;
    }
    timer_up(reactor.timer_count++, self);
    timer_arm();
    return 0;
}

void reactor_timer_remove(struct co *self)
{
    struct co *last;
    size_t i;

    if (self->timer_index < 0)
        return;
    i = (size_t)self->timer_index;
    assert(i < reactor.timer_count && reactor.timers[i] == self);
    self->timer_index = -1;
    last = reactor.timers[--reactor.timer_count];
    if (last == self)
        return;
    if (i > 0 && last->deadline < reactor.timers[(i - 1) / 2]->deadline)
        timer_up(i, last);
    else
        timer_down(i, last);
}

enum co_wait reactor_park_until(usec_t deadline)
{
    struct co *self = co_self();
    enum co_wait why;

    self->deadline = deadline;
    if (deadline == USEC_NEVER || reactor_timer_add(self) != 0)
        return co_park(deadline);
    why = co_park(USEC_NEVER);
    if (self->timer_index < 0 && why == CO_OK)
        why = CO_TIMEOUT; /* unless it was woken for something else as well */
    reactor_timer_remove(self);
    return why;
}

static void reactor_timers_fire(void)
{
    usec_t now = co_clock_refresh();

    reactor.armed = 0;
    while (reactor.timer_count > 0 && reactor.timers[0]->deadline <= now) {
        struct co *co = reactor.timers[0];

        reactor_timer_remove(co);
        co_wake(co);
    }
    timer_arm();
}

/* ---- the loop ---- */

static void reactor_take(void)
{
    for (int round = 0; round < REACTOR_ROUNDS_MAX; round++) {
        int n = epoll_wait(reactor.epoll_fd, reactor.events, REACTOR_BATCH, 0);

        for (int i = 0; i < n; i++) {
            struct epoll_event *event = &reactor.events[i];

            if (event->data.ptr == &reactor.timer_fd)
                reactor_timers_fire();
            else
                reactor_conn(event->data.ptr, event->events);
        }
        if (n < REACTOR_BATCH)
            return;
    }
}

static MAY_YIELD void reactor_main(void *arg)
{
    struct co *self = co_self();

    (void)arg;
    co_set_id("reactor");
    for (;;) {
        co_switch_out();
        (void)st_netfd_poll(reactor.st_epoll, POLLIN, ST_UTIME_NO_TIMEOUT);
        co_switch_in(self);
        reactor_take();
    }
}

struct err *reactor_start(void)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &reactor.timer_fd};
    struct co *co;

    reactor.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    reactor.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (reactor.epoll_fd < 0 || reactor.timer_fd < 0 ||
        epoll_ctl(reactor.epoll_fd, EPOLL_CTL_ADD, reactor.timer_fd, &event) != 0)
        return err_sys(errno, "reactor");
    reactor.st_epoll = st_netfd_open(reactor.epoll_fd);
    if (reactor.st_epoll == NULL)
        return err_sys(errno, "reactor");
    co = co_spawn(reactor_main, NULL);
    if (co == NULL)
        return err_new(ERR_NOMEM, "reactor");
    return NULL;
}

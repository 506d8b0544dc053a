/*
 * Name resolution with a name server that is a coroutine of this test: many answers at once, in any
 * order, none, or after the caller has given up.
 */
#include "base/str.h"
#include "co/resolve.h"
#include "co_test.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

Suite *check_resolve_suite(void);

#define DNS_MAX   512
#define DNS_HELD  64
#define LOOKUPS   30
#define TYPE_A    1
#define TYPE_AAAA 28

struct dns_packet {
    uint8_t data[DNS_MAX];
    size_t len;
    struct sockaddr_in from;
};

/* Answers n<N>.test. with 10.0.0.N, v6.test. with fd00::1, no.test. with NXDOMAIN, mute.test.
 * never. */
static struct {
    struct net_conn *conn;
    struct co *co;
    struct dns_packet held[DNS_HELD]; /* kept until there are `hold`, then sent last first */
    int held_count;
    int hold;
    int asked;
} dns;

static size_t dns_name(const struct dns_packet *q, char *name, size_t cap)
{
    size_t at = 12;
    size_t n = 0;

    while (at < q->len && q->data[at] != 0 && n + q->data[at] + 2u < cap &&
           at + q->data[at] < q->len) {
        memcpy(name + n, q->data + at + 1, q->data[at]);
        n += q->data[at];
        name[n++] = '.';
        at += 1u + q->data[at];
    }
    name[n] = '\0';
    return at + 1;
}

static void dns_put(struct dns_packet *p, const void *bytes, size_t n)
{
    if (n > DNS_MAX - p->len)
        return;
    memcpy(p->data + p->len, bytes, n);
    p->len += n;
}

static void dns_record(struct dns_packet *p, uint8_t type, const void *bytes, uint8_t n)
{
    const uint8_t head[] = {0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, n};

    dns_put(p, head, sizeof(head));
    dns_put(p, bytes, n);
    p->data[7]++;
}

/* Writes the answer in place; 0 if there is none. */
static int dns_answer(struct dns_packet *p)
{
    static const uint8_t v6[16] = {0xfd, [15] = 1};
    uint8_t v4[4] = {10, 0, 0, 0};
    char name[256];
    size_t end = dns_name(p, name, sizeof(name));
    int type = end + 1 < p->len ? p->data[end + 1] : 0;

    if (str_starts(name, "mute.test."))
        return 0;
    p->len = end + 4; /* without the question's additional records */
    p->data[2] = 0x85;
    p->data[3] = 0x80;
    memset(p->data + 6, 0, 6);
    if (name[0] == 'n' && isdigit((unsigned char)name[1]) && strstr(name, ".test.")) {
        for (const char *c = name + 1; isdigit((unsigned char)*c); c++)
            v4[3] = (uint8_t)(v4[3] * 10 + (*c - '0'));
        if (type == TYPE_A)
            dns_record(p, TYPE_A, v4, 4);
    } else if (str_starts(name, "v6.test.")) {
        if (type == TYPE_AAAA)
            dns_record(p, TYPE_AAAA, v6, 16);
    } else if (str_starts(name, "many.test.")) {
        for (int i = 0; i < 25 && type == TYPE_A; i++) {
            v4[3] = (uint8_t)i;
            dns_record(p, TYPE_A, v4, 4);
        }
    } else {
        p->data[3] = 0x83;
    }
    return 1;
}

static void dns_send(const struct dns_packet *p)
{
    (void)sendto(dns.conn->fd, p->data, p->len, 0, (const struct sockaddr *)&p->from,
                 sizeof(p->from));
}

static void dns_take(const struct dns_packet *p)
{
    dns.held[dns.held_count++] = *p;
    if (dns.held_count < dns.hold)
        return;
    while (dns.held_count > 0)
        dns_send(&dns.held[--dns.held_count]);
}

static void run_dns(void *arg)
{
    struct dns_packet p;
    socklen_t len;
    ssize_t n;

    (void)arg;
    for (;;) {
        len = sizeof(p.from);
        n = recvfrom(dns.conn->fd, p.data, sizeof(p.data), MSG_DONTWAIT, (struct sockaddr *)&p.from,
                     &len);
        if (n < 0) {
            dns.conn->ready &= (uint8_t)~NET_IN;
            if (net_wait(dns.conn, NET_IN, USEC_NEVER) <= 0)
                return;
            continue;
        }
        p.len = (size_t)n;
        dns.asked++;
        if (p.len > 12 && dns_answer(&p))
            dns_take(&p);
    }
}

static void dns_start(int hold)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    char servers[64];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memset(&dns, 0, sizeof(dns));
    dns.hold = hold;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    co_test_ok(net_wrap_fd(fd, &dns.conn));
    dns.co = co_spawn_joinable(run_dns, NULL);
    ck_assert_int_eq(str_format(servers, sizeof(servers), "127.0.0.1:%d", ntohs(addr.sin_port)), 0);
    co_test_ok(resolve_use_servers(servers));
}

static void dns_stop(void)
{
    co_interrupt(dns.co);
    co_join(dns.co);
    net_free(dns.conn);
    co_test_ok(resolve_use_servers(NULL));
}

static const char *show(const struct sockaddr_storage *addr)
{
    static char text[INET6_ADDRSTRLEN + 8];
    char ip[INET6_ADDRSTRLEN] = "?";
    int port = 0;

    if (addr->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, ip, sizeof(ip));
        port = ntohs(((const struct sockaddr_in *)addr)->sin_port);
    } else if (addr->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)addr)->sin6_addr, ip, sizeof(ip));
        port = ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
    }
    (void)str_format(text, sizeof(text), "%s %d", ip, port);
    return text;
}

static void is(const char *host, const char *want)
{
    struct resolve_list list;

    co_test_ok(resolve_name(host, 1935, &list, TEST_WAIT));
    ck_assert_int_ge(list.count, 1);
    ck_assert_str_eq(show(&list.addr[0]), want);
}

START_TEST(literals)
{
    is("192.0.2.7", "192.0.2.7 1935");
    is("2001:db8::1", "2001:db8::1 1935");
    is("[2001:db8::1]", "2001:db8::1 1935");
    is("::ffff:192.0.2.7", "::ffff:192.0.2.7 1935");
}
END_TEST

START_TEST(no_names)
{
    static const char *const bad[] = {"", "[]", "[::1", "a..b", "1.2.3.4.5.invalid."};
    char longest[400];
    struct resolve_list list;

    dns_start(1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err *err = resolve_name(bad[i], 80, &list, TEST_WAIT);

        ck_assert_msg(err != NULL && err_code(err) == ERR_NOT_FOUND, "\"%s\": %s", bad[i],
                      err != NULL ? err_text(err) : "found");
        ck_assert_int_eq(list.count, 0);
        err_free(err);
    }
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    co_test_err(resolve_name(longest, 80, &list, TEST_WAIT), ERR_NOT_FOUND);
    dns_stop();
}
END_TEST

START_TEST(asks_the_name_server)
{
    struct resolve_list list;

    dns_start(1);
    is("n7.test.", "10.0.0.7 1935");
    is("v6.test.", "fd00::1 1935");
    ck_assert_int_ge(dns.asked, 4); /* both families each */
    co_test_err(resolve_name("no.test.", 80, &list, TEST_WAIT), ERR_NOT_FOUND);
    co_test_ok(resolve_name("many.test.", 80, &list, TEST_WAIT));
    ck_assert_int_eq(list.count, RESOLVE_ADDRS_MAX);
    dns_stop();
}
END_TEST

struct lookup {
    char host[32];
    struct resolve_list list;
    struct err *err;
    usec_t timeout;
};

static void run_lookup(void *arg)
{
    struct lookup *l = arg;

    l->err = resolve_name(l->host, 80, &l->list, l->timeout);
}

START_TEST(many_at_once)
{
    static struct lookup l[LOOKUPS];
    struct co *co[LOOKUPS];
    char want[32];

    memset(l, 0, sizeof(l));
    dns_start(2 * LOOKUPS); /* no answer before the last question */
    for (int i = 0; i < LOOKUPS; i++) {
        l[i].timeout = TEST_WAIT;
        ck_assert_int_eq(str_format(l[i].host, sizeof(l[i].host), "n%d.test.", i), 0);
        co[i] = co_spawn_joinable(run_lookup, &l[i]);
    }
    for (int i = 0; i < LOOKUPS; i++)
        co_join(co[i]);
    for (int i = 0; i < LOOKUPS; i++) {
        co_test_ok(l[i].err);
        ck_assert_int_eq(str_format(want, sizeof(want), "10.0.0.%d 80", i), 0);
        ck_assert_str_eq(show(&l[i].list.addr[0]), want);
    }
    dns_stop();
}
END_TEST

/* A caller that gives up leaves its query as an orphan; that ends with c-ares' own time-outs, or
 * with an answer. */
START_TEST(giving_up)
{
    struct lookup l = {.host = "n1.test.", .timeout = 5000};
    usec_t from = clock_now();
    usec_t deadline;

    dns_start(DNS_HELD); /* this number is never reached */
    co_join(co_spawn_joinable(run_lookup, &l));
    co_test_err(l.err, ERR_TIMEOUT);
    ck_assert_int_ge(clock_now() - from, 5000);
    l.timeout = USEC_NEVER;
    struct co *co = co_spawn_joinable(run_lookup, &l);
    co_yield ();
    co_interrupt(co);
    co_join(co);
    co_test_err(l.err, ERR_INTERRUPTED);
    co_test_err(resolve_use_servers(NULL), ERR_BUSY);
    /* The late answers, for no caller. */
    deadline = co_deadline(TEST_WAIT);
    while (dns.held_count < 4) {
        ck_assert_int_gt(co_left(deadline), 0);
        co_yield ();
    }
    while (dns.held_count > 0)
        dns_send(&dns.held[--dns.held_count]);
    for (;;) {
        struct err *err = resolve_use_servers(NULL);

        if (err == NULL)
            break;
        co_test_err(err, ERR_BUSY);
        ck_assert_int_gt(co_left(deadline), 0);
        co_yield ();
    }
    dns_stop();
}
END_TEST

START_TEST(hosts_file)
{
    struct resolve_list list;
    int v4 = 0;

    dns_start(DNS_HELD); /* no answer from there */
    co_test_ok(resolve_name("localhost", 80, &list, TEST_WAIT));
    for (int i = 0; i < list.count; i++)
        v4 |= strcmp(show(&list.addr[i]), "127.0.0.1 80") == 0;
    ck_assert_int_eq(v4, 1);
    ck_assert_int_eq(dns.asked, 0);
    dns_stop();
}
END_TEST

START_TEST(malformed_name_servers)
{
    char longest[2000];

    co_test_err(resolve_use_servers("what?"), ERR_CONFIG);
    memset(longest, '1', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    co_test_err(resolve_use_servers(longest), ERR_CONFIG);
    co_test_ok(resolve_use_servers(NULL));
}
END_TEST

Suite *check_resolve_suite(void)
{
    Suite *suite = suite_create("resolve");
    TCase *tc = co_test_case(suite, "resolve");

    tcase_add_test(tc, literals);
    tcase_add_test(tc, no_names);
    tcase_add_test(tc, asks_the_name_server);
    tcase_add_test(tc, many_at_once);
    tcase_add_test(tc, giving_up);
    tcase_add_test(tc, hosts_file);
    tcase_add_test(tc, malformed_name_servers);
    return suite;
}

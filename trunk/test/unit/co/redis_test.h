#ifndef TEST_UNIT_CO_REDIS_TEST_H
#define TEST_UNIT_CO_REDIS_TEST_H

/*
 * A server for the tests of the Redis client, that says what the test wants: each of its
 * connections follows a script, waits for some bytes and answers with others, in pieces of any
 * size.
 */
#include <string.h>

#define PONG               "+PONG\r\n"
#define TELLER_STEPS_MAX   8
#define TELLER_CONNECTIONS 4

/* Once `wait` has come, `say` goes out; NULL to say closes the connection. */
struct step {
    const char *wait, *say;
};

struct reporter {
    struct net_listener *listener;
    struct step step[TELLER_CONNECTIONS][TELLER_STEPS_MAX]; /* of each connection */
    int connections;
    int piece; /* bytes per write; 0: all */
    int is_done;
    char heard[TELLER_CONNECTIONS][4096];
};

/* The script of a connection: TELLER_SAYS(t, 0, {"PING", PONG}, {"GET", "$1\r\nx\r\n"}). */
#define TELLER_SAYS(t, which, ...) \
    memcpy((t)->step[which], (struct step[]){__VA_ARGS__}, sizeof((struct step[]){__VA_ARGS__}))

/* For one connection, unless `connections` is raised before it is started. */
struct reporter *teller_new(void);
/* Listens and answers from now on; gives its port. */
int reporter_start(struct reporter *t);
/* Waits until its last connection is over. */
void teller_free(struct reporter *t);

#endif

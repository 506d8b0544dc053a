#ifndef APP_CORE_KEEPER_PRIVATE_H
#define APP_CORE_KEEPER_PRIVATE_H

/* The packets between keeper.c and itself in another process: keeper_packet.c. Never yields. */
#include <stdint.h>

#define KEEPER_NAME       "millrace-keeper"
#define KEEPER_PATH_MAX   4096
#define KEEPER_REMOVE_PID 16 /* a request besides those of enum keeper_file */

struct keeper_request {
    uint32_t number;
    uint32_t what;
    char path[KEEPER_PATH_MAX];
};

struct keeper_answer {
    uint32_t number;
    int32_t error; /* errno; 0: done */
};

/* Each 0, or -1: the other side is gone, the packet is malformed, or no answer came in time. */
int keeper_give_request(int channel, uint32_t number, uint32_t what, const char *path);
int keeper_take_request(int channel, struct keeper_request *out);
/* fd: sent with it; -1: none. Never waits. */
void keeper_give_answer(int channel, const struct keeper_answer *answer, int fd);
/* Waits for some seconds. *fd is the caller's; -1: there was none. */
int keeper_take_answer(int channel, struct keeper_answer *out, int *fd);

#endif

/* The servers of sim_origin.h: a part of the input for each. */
#include "sim_origin.h"

#include <errno.h>
#include <string.h>

#define RTMP_PORT 1935

struct part {
    struct sim_socket *socket;
    const uint8_t *data;
    size_t left, step;
    uint64_t heard; /* of what the server under test sent, at the last piece */
    unsigned how;
};

static struct {
    const uint8_t *data;
    size_t left;
    struct part part[SIM_ORIGINS_MAX];
    int count;
} origin;

/* The next part of the input. 0, or -1: there is none. */
static int part_take(struct part *part)
{
    static const size_t steps[] = {65536, 1460, 128, 11};
    const uint8_t *end;
    size_t len;

    if (origin.left == 0 || origin.count == SIM_ORIGINS_MAX)
        return -1;
    end = memmem(origin.data, origin.left, SIM_ORIGIN_CUT, sizeof(SIM_ORIGIN_CUT) - 1);
    len = end != NULL ? (size_t)(end - origin.data) : origin.left;
    part->how = len > 0 ? origin.data[0] : 0;
    part->data = origin.data + (len > 0);
    part->left = len - (len > 0);
    part->step = steps[part->how & 3];
    len += end != NULL ? sizeof(SIM_ORIGIN_CUT) - 1 : 0;
    origin.data += len;
    origin.left -= len;
    return 0;
}

/* Handshakes are long and mean little: with 0x80 an RTMP server's is said here. */
static void shake(struct sim_socket *socket, struct part *part)
{
    static const uint8_t hello[1 + 2 * 1536] = {3};

    part->how &= ~0x80u;
    sim_send(socket, hello, sizeof(hello));
}

static int connected(struct sim_socket *socket, int port, const char *path)
{
    struct part part;

    (void)path;
    if (part_take(&part) != 0 || part.how & 0x10)
        return ECONNREFUSED;
    if (part.how & 0x40)
        return EINPROGRESS;
    part.socket = socket;
    part.heard = 0;
    if (port == RTMP_PORT && part.how & 0x80)
        shake(socket, &part);
    if (part.how & 0x20)
        sim_room(socket, 600);
    origin.part[origin.count++] = part;
    return 0;
}

void sim_origin_begin(const uint8_t *data, size_t size)
{
    memset(&origin, 0, sizeof(origin));
    origin.data = data;
    origin.left = size;
    sim_on_connect(connected);
}

/* The socket is NULL once the part is over. */
static void part_end(struct part *part)
{
    if (part->how & 0x08)
        sim_reset(part->socket);
    sim_release(part->socket);
    part->socket = NULL;
}

/* The length of the next piece, and what to skip after it. */
static size_t part_piece(struct part *part, size_t *skip)
{
    size_t n = part->left < part->step ? part->left : part->step;
    const uint8_t *end;

    *skip = 0;
    if (!(part->how & 0x80))
        return n;
    if (part->socket->sent == part->heard)
        return 0;
    part->heard = part->socket->sent;
    end = n > 0 ? memchr(part->data, 0, n) : NULL;
    *skip = end != NULL;
    return end != NULL ? (size_t)(end - part->data) : n;
}

static int part_step(struct part *part)
{
    size_t skip;
    size_t n;

    if (part->socket == NULL)
        return 0;
    if (part->how & 0x20)
        sim_room(part->socket, 600);
    n = part_piece(part, &skip);
    sim_send(part->socket, part->data, n);
    n += skip;
    part->data += n;
    part->left -= n;
    if (!part->socket->is_open || (part->left == 0 && !(part->how & 0x04)))
        part_end(part);
    return n > 0;
}

int sim_origin_step(void)
{
    int is_busy = 0;

    for (int i = 0; i < origin.count; i++)
        is_busy |= part_step(&origin.part[i]);
    sim_settle();
    return is_busy;
}

int sim_origin_open(void)
{
    int count = 0;

    for (int i = 0; i < origin.count; i++)
        count += origin.part[i].socket != NULL;
    return count;
}

void sim_origin_end(void)
{
    origin.left = 0;
    for (int i = 0; i < origin.count; i++)
        if (origin.part[i].socket != NULL)
            part_end(&origin.part[i]);
    sim_settle();
}

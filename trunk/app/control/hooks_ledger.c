/*
 * A ledger is an array of small blocks. A record is a chain of them: the first one begins with the
 * fixed part, and the texts follow across all. The mark of the first block makes the record valid
 * and is set last, so that a worker may be killed at any instant; blocks without a valid first one
 * are freed with the rest when the ledger is emptied. The chains were written by a process that may
 * have been damaged when it died, so a reader checks every index and length.
 */
#include "app/control/hooks_ledger.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK_DATA 248

#define MARK_FREE 0
#define MARK_MORE 1 /* not the first of its chain; larger: enum hooks_state */

/* Of all texts of a record: three names of 255 bytes, a tcUrl and parameters. */
#define TEXT_MAX   ((size_t)16 * 1024)
#define TEXT_COUNT 8

/* Links are an index plus one; 0: none. */
struct block {
    _Atomic uint32_t mark;
    uint32_t next;
    uint8_t data[BLOCK_DATA];
};

struct fixed {
    int64_t began_at, ended_at;
    uint64_t bytes_in, bytes_out;
    uint32_t stop;
    uint32_t delivered;
    uint32_t text_len;
};

struct hooks_ledger {
    _Atomic uint32_t is_orphan;
    uint32_t blocks_max;
    uint32_t touched; /* blocks from here on were never used */
    uint32_t free;    /* chain of free blocks before it */
    uint32_t padding[12];
    struct block block[];
};

#define LEDGER_KIND                                 \
    shared_memory_kind(sizeof(struct hooks_ledger), \
                       shared_memory_kind(sizeof(struct fixed), TEXT_COUNT))

struct hooks_ledgers {
    int workers;
    size_t size; /* of a ledger */
    char *memory;
};

/* ---- all of them ---- */

struct hooks_ledgers *hooks_ledgers_new(struct shared_memory *memory, int workers,
                                        size_t blocks_max)
{
    struct hooks_ledgers *all = calloc(1, sizeof(*all));
    size_t bytes =
        (size_t)workers * (sizeof(struct hooks_ledger) + blocks_max * sizeof(struct block));

    assert(workers > 0 && blocks_max > 0 && blocks_max < UINT32_MAX);
    if (all == NULL)
        return NULL;
    all->workers = workers;
    all->memory = shared_memory_map(memory, LEDGER_KIND, &bytes);
    if (all->memory == NULL) {
        free(all);
        return NULL;
    }
    all->size = bytes / (size_t)workers;
    for (int i = 0; i < workers && !shared_memory_is_opened(memory); i++)
        hooks_ledgers_at(all, i)->blocks_max = (uint32_t)blocks_max;
    return all;
}

void hooks_ledgers_free(struct hooks_ledgers *all)
{
    if (all == NULL)
        return;
    (void)munmap(all->memory, (size_t)all->workers * all->size);
    free(all);
}

struct hooks_ledger *hooks_ledgers_at(struct hooks_ledgers *all, int worker)
{
    assert(worker >= 0 && worker < all->workers);
    return (struct hooks_ledger *)(void *)(all->memory + (size_t)worker * all->size);
}

int hooks_ledgers_count(const struct hooks_ledgers *all)
{
    return all->workers;
}

/* ---- blocks ---- */

/* The first block of a record. */
static struct block *first_of(struct hooks_ledger *ledger, uint32_t number)
{
    struct block *block = &ledger->block[number - 1];

    assert(number > 0 && number <= ledger->touched && block->mark > MARK_MORE);
    return block;
}

static uint32_t block_take(struct hooks_ledger *ledger)
{
    uint32_t number = ledger->free;

    if (number != 0) {
        ledger->free = ledger->block[number - 1].next;
    } else if (ledger->touched < ledger->blocks_max) {
        number = ++ledger->touched;
    }
    if (number == 0)
        return 0;
    ledger->block[number - 1].next = 0;
    ledger->block[number - 1].mark = MARK_MORE;
    return number;
}

static void chain_free(struct hooks_ledger *ledger, uint32_t number)
{
    while (number != 0) {
        struct block *block = &ledger->block[number - 1];
        uint32_t next = block->next;

        block->mark = MARK_FREE;
        block->next = ledger->free;
        ledger->free = number;
        number = next;
    }
}

/* Copies data to the chain that begins with `number`, from this offset on, adding blocks. 0 or -1.
 */
static int chain_write(struct hooks_ledger *ledger, uint32_t number, size_t at, const char *data,
                       size_t len)
{
    struct block *block = &ledger->block[number - 1];

    while (len > 0) {
        size_t part = BLOCK_DATA - at < len ? BLOCK_DATA - at : len;

        memcpy(block->data + at, data, part);
        data += part;
        len -= part;
        at = 0;
        if (len == 0)
            break;
        block->next = block_take(ledger);
        if (block->next == 0)
            return -1;
        block = &ledger->block[block->next - 1];
    }
    return 0;
}

/* Reads the chain's texts; -1 if it is damaged. */
static int chain_read(const struct hooks_ledger *ledger, uint32_t number, size_t at, char *data,
                      size_t len)
{
    const struct block *block = &ledger->block[number - 1];

    while (len > 0) {
        size_t part = BLOCK_DATA - at < len ? BLOCK_DATA - at : len;

        memcpy(data, block->data + at, part);
        data += part;
        len -= part;
        at = 0;
        if (len == 0)
            break;
        if (block->next == 0 || block->next > ledger->touched)
            return -1;
        block = &ledger->block[block->next - 1];
        if (block->mark != MARK_MORE)
            return -1;
    }
    return 0;
}

/* ---- records ---- */

static void texts_of(const struct hooks_client *client, const char *text[TEXT_COUNT])
{
    text[0] = client->id;
    text[1] = client->ip;
    text[2] = client->vhost;
    text[3] = client->app;
    text[4] = client->stream;
    text[5] = client->tc_url;
    text[6] = client->param;
    text[7] = client->type;
}

/* All texts with their terminators; NULL if out of memory or too long. */
static char *texts_join(const struct hooks_client *client, size_t *len)
{
    const char *text[TEXT_COUNT];
    char *joined, *at;

    texts_of(client, text);
    *len = 0;
    for (int i = 0; i < TEXT_COUNT; i++)
        *len += strlen(text[i]) + 1;
    joined = *len <= TEXT_MAX ? malloc(*len) : NULL;
    at = joined;
    for (int i = 0; i < TEXT_COUNT && joined != NULL; i++) {
        size_t size = strlen(text[i]) + 1;

        memcpy(at, text[i], size);
        at += size;
    }
    return joined;
}

/* The texts in a block of memory that ends with a terminator. 0, or -1 if there are too few. */
static int texts_split(const char *text, size_t len, struct hooks_client *client)
{
    const char **const to[TEXT_COUNT] = {&client->id,    &client->ip,     &client->vhost,
                                         &client->app,   &client->stream, &client->tc_url,
                                         &client->param, &client->type};
    const char *end = text + len;

    for (int i = 0; i < TEXT_COUNT; i++) {
        if (text >= end)
            return -1;
        *to[i] = text;
        text += strlen(text) + 1;
    }
    client->page_url = "";
    return 0;
}

uint32_t hooks_ledger_add(struct hooks_ledger *ledger, const struct hooks_record *record)
{
    struct fixed fixed = {.began_at = record->began_at,
                          .ended_at = record->ended_at,
                          .bytes_in = record->bytes_in,
                          .bytes_out = record->bytes_out,
                          .stop = record->stop,
                          .delivered = record->delivered};
    size_t len;
    char *text = texts_join(&record->client, &len);
    uint32_t number = text != NULL ? block_take(ledger) : 0;

    assert(record->state >= HOOKS_ASKED);
    if (number != 0) {
        fixed.text_len = (uint32_t)len;
        memcpy(ledger->block[number - 1].data, &fixed, sizeof(fixed));
        if (chain_write(ledger, number, sizeof(fixed), text, len) == 0) {
            ledger->block[number - 1].mark = record->state;
        } else {
            chain_free(ledger, number);
            number = 0;
        }
    }
    free(text);
    return number;
}

void hooks_ledger_open(struct hooks_ledger *ledger, uint32_t number, usec_t began_at)
{
    struct block *block = first_of(ledger, number);
    struct fixed fixed;

    memcpy(&fixed, block->data, sizeof(fixed));
    fixed.began_at = began_at;
    memcpy(block->data, &fixed, sizeof(fixed));
    block->mark = HOOKS_OPEN;
}

void hooks_ledger_end(struct hooks_ledger *ledger, uint32_t number, usec_t ended_at,
                      uint64_t bytes_in, uint64_t bytes_out)
{
    struct block *block = first_of(ledger, number);
    struct fixed fixed;

    memcpy(&fixed, block->data, sizeof(fixed));
    fixed.ended_at = ended_at;
    fixed.bytes_in = bytes_in;
    fixed.bytes_out = bytes_out;
    memcpy(block->data, &fixed, sizeof(fixed));
    block->mark = HOOKS_ENDED;
}

void hooks_ledger_deliver(struct hooks_ledger *ledger, uint32_t number, int url)
{
    struct block *block = first_of(ledger, number);
    struct fixed fixed;

    memcpy(&fixed, block->data, sizeof(fixed));
    fixed.delivered |= UINT32_C(1) << url;
    memcpy(block->data, &fixed, sizeof(fixed));
}

void hooks_ledger_remove(struct hooks_ledger *ledger, uint32_t number)
{
    struct block *block = first_of(ledger, number);

    block->mark = MARK_MORE; /* no record from here on, whatever happens to the chain */
    chain_free(ledger, number);
}

int hooks_ledger_read(const struct hooks_ledger *ledger, uint32_t number, struct hooks_record *out,
                      char **text)
{
    const struct block *block = &ledger->block[number - 1];
    struct fixed fixed;

    assert(number > 0 && number <= ledger->touched);
    memcpy(&fixed, block->data, sizeof(fixed));
    *text = NULL;
    if (block->mark < HOOKS_ASKED || block->mark > HOOKS_ENDED || fixed.text_len == 0 ||
        fixed.text_len > TEXT_MAX || fixed.stop >= CONFIG_HOOK_COUNT)
        return -1;
    *out = (struct hooks_record){.state = (enum hooks_state)block->mark,
                                 .stop = (enum config_hook)fixed.stop,
                                 .delivered = fixed.delivered,
                                 .began_at = fixed.began_at,
                                 .ended_at = fixed.ended_at,
                                 .bytes_in = fixed.bytes_in,
                                 .bytes_out = fixed.bytes_out};
    *text = malloc(fixed.text_len);
    if (*text != NULL && chain_read(ledger, number, sizeof(fixed), *text, fixed.text_len) == 0 &&
        (*text)[fixed.text_len - 1] == '\0' &&
        texts_split(*text, fixed.text_len, &out->client) == 0)
        return 0;
    free(*text);
    *text = NULL;
    return -1;
}

uint32_t hooks_ledger_next(const struct hooks_ledger *ledger, uint32_t number)
{
    while (number < ledger->touched && number < ledger->blocks_max)
        if (ledger->block[number++].mark > MARK_MORE)
            return number;
    return 0;
}

/* ---- after the death of the worker ---- */

void hooks_ledger_orphan(struct hooks_ledger *ledger)
{
    ledger->is_orphan = 1;
}

int hooks_ledger_is_orphan(const struct hooks_ledger *ledger)
{
    return ledger->is_orphan != 0;
}

void hooks_ledger_reset(struct hooks_ledger *ledger)
{
    uint32_t touched = ledger->touched < ledger->blocks_max ? ledger->touched : ledger->blocks_max;

    for (uint32_t i = 0; i < touched; i++)
        ledger->block[i].mark = MARK_FREE;
    ledger->touched = 0;
    ledger->free = 0;
    ledger->is_orphan = 0;
}

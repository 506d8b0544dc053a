/*
 * The Redis protocol (RESP2, see redis.io/docs/reference/protocol-spec) by hiredis, which formats
 * commands and parses replies. The limits on server data are applied here, because hiredis has
 * none: the bytes of one reply, and the elements of an array, which hiredis would otherwise
 * allocate as announced.
 */
#include "co/redis_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX 16

static void *bounded_array(const redisReadTask *task, int elements)
{
    redisReply *reply;

    if (elements > ELEMENTS_MAX)
        return NULL;
    reply = calloc(1, sizeof(*reply));
    if (reply == NULL)
        return NULL;
    reply->type = REDIS_REPLY_ARRAY;
    reply->elements = elements > 0 ? (size_t)elements : 0;
    if (elements > 0) {
        reply->element = calloc((size_t)elements, sizeof(redisReply *));
        if (reply->element == NULL) {
            free(reply);
            return NULL;
        }
    }
    if (task->parent != NULL)
        ((redisReply *)task->parent->obj)->element[task->idx] = reply;
    return reply;
}

struct err *redis_reader_open(struct redis *redis)
{
    redis->reader = redisReaderCreate();
    if (redis->reader == NULL)
        return err_new(ERR_NOMEM, "no memory for a reader");
    redis->functions = *redis->reader->fn;
    redis->functions.createArray = bounded_array;
    redis->reader->fn = &redis->functions;
    redis->unfinished = 0;
    return NULL;
}

struct err *redis_reader_next(struct redis *redis, redisReply **reply)
{
    void *got = NULL;

    *reply = NULL;
    if (redisReaderGetReply(redis->reader, &got) != REDIS_OK)
        return err_new(ERR_PROTO, "not a Redis reply: %.80s", redis->reader->errstr);
    if (got != NULL)
        redis->unfinished = 0;
    else if (redis->unfinished > REDIS_REPLY_MAX)
        return err_new(ERR_LIMIT, "a reply is longer than %zu bytes", REDIS_REPLY_MAX);
    *reply = got;
    return NULL;
}

struct err *redis_reader_feed(struct redis *redis, const char *data, size_t len)
{
    redis->unfinished += len;
    if (redisReaderFeed(redis->reader, data, len) != REDIS_OK)
        return err_new(ERR_NOMEM, "no memory for a reply");
    return NULL;
}

void redis_command_add(struct redis_command *command, const char *arg)
{
    assert(command->count < REDIS_ARGS_MAX && arg != NULL);
    command->arg[command->count] = arg;
    command->len[command->count++] = strlen(arg);
}

int redis_command_append(struct redis *redis, const struct redis_command *command)
{
    char *text = NULL;
    int len =
        redisFormatCommandArgv(&text, command->count, (const char **)command->arg, command->len);
    int rc = len > 0 ? buf_append(&redis->out, text, (size_t)len) : -1;

    if (len > 0)
        redisFreeCommand(text);
    return rc;
}

void redis_reply_convert(const redisReply *from, struct redis_reply *to)
{
    memset(to, 0, sizeof(*to));
    to->text = "";
    switch (from->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        to->kind = REDIS_TEXT;
        break;
    case REDIS_REPLY_ERROR:
        to->kind = REDIS_REFUSED;
        break;
    case REDIS_REPLY_INTEGER:
        to->kind = REDIS_NUMBER;
        to->number = from->integer;
        return;
    case REDIS_REPLY_NIL:
        to->kind = REDIS_NIL;
        return;
    default:
        to->kind = REDIS_OTHER;
        return;
    }
    if (from->str != NULL) {
        to->text = from->str;
        to->len = from->len;
    }
}

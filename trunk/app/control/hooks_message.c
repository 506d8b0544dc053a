/*
 * The undelivered events of all clients, in buckets by the client's id: a new event finds the one
 * before it, which it must not overtake.
 */
#include "app/control/hooks_message.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static void message_unref(struct hooks_message *message)
{
    while (message != NULL && --message->refs == 0) {
        struct hooks_message *after = message->after;

        free(message->body);
        free(message);
        message = after;
    }
}

static struct hooks_message **bucket_of(struct hooks *hooks, const char *client)
{
    uint32_t hash = 0;

    for (; *client != '\0'; client++)
        hash = hash * 31 + (unsigned char)*client;
    return &hooks->bucket[hash % HOOKS_BUCKETS];
}

struct hooks_message *hooks_message_new(struct hooks *hooks, enum config_hook hook,
                                        const char *client)
{
    struct hooks_message *message = calloc(1, sizeof(*message));
    struct hooks_message **bucket = bucket_of(hooks, client);
    struct hooks_message *before = *bucket;

    if (message == NULL)
        return NULL;
    message->refs = message->uses = 1;
    message->hook = hook;
    (void)str_copy(message->client, sizeof(message->client), client);
    while (before != NULL && (client[0] == '\0' || strcmp(before->client, client) != 0))
        before = before->next;
    message->after = before;
    if (before != NULL)
        before->refs++;
    message->next = *bucket;
    if (*bucket != NULL)
        (*bucket)->prev = message;
    *bucket = message;
    return message;
}

void hooks_message_release(struct hooks *hooks, struct hooks_message *message)
{
    if (--message->uses > 0)
        return;
    if (message->record != 0)
        hooks_ledger_remove(hooks->ledger, message->record);
    message->is_tried = 1;
    message->at = NULL;
    if (message->prev != NULL)
        message->prev->next = message->next;
    else
        *bucket_of(hooks, message->client) = message->next;
    if (message->next != NULL)
        message->next->prev = message->prev;
    message_unref(message->after);
    message->after = NULL;
    message_unref(message);
}

/*
 * Events that nobody waits for: from what happened to messages for the URLs that are configured
 * now. At the end of the server everything is tried once more, for a limited time.
 */
#include "app/control/api_json.h"
#include "app/control/hooks_private.h"
#include "app/control/hooks_target.h"
#include "base/str.h"

#include <stdlib.h>

/* The message for all URLs of the event that have not got it. Takes the record over; 0: none. */
static void message_send(struct hooks *hooks, const struct hooks_event *event, uint32_t record,
                         uint32_t delivered)
{
    const struct config_vhost *vhost =
        hooks_event_vhost(hooks->server->config, event->client.vhost);
    const struct config_strings *urls = hooks_event_urls(vhost, event->hook);
    struct hooks_message *message =
        urls != NULL ? hooks_message_new(hooks, event->hook, event->client.id) : NULL;

    if (message == NULL) {
        if (record != 0)
            hooks_ledger_remove(hooks->ledger, record);
        return;
    }
    message->record = record;
    message->body = hooks_event_body(event);
    for (int i = 0; i < urls->count && message->body != NULL; i++) {
        if ((delivered & UINT32_C(1) << i) == 0)
            (void)hooks_target_push(hooks, &vhost->http_hooks, message, urls->item[i], i);
    }
    hooks_message_release(hooks, message);
}

void hooks_notify(struct hooks *hooks, const struct hooks_event *event)
{
    message_send(hooks, event, 0, 0);
}

static void record_send(struct hooks *hooks, const struct hooks_record *record, uint32_t number)
{
    const struct hooks_client *client = &record->client;
    struct hooks_event event = {.hook = record->stop,
                                .server_id = hooks->server->server_id,
                                .service_id = hooks->server->service_id,
                                .client = *client,
                                .send_bytes = record->bytes_out,
                                .recv_bytes = record->bytes_in,
                                .duration_ms = (record->ended_at - record->began_at) / USEC_PER_MS};
    char stream_id[API_ID_SIZE];
    char key[SOURCE_KEY_MAX];

    (void)str_format(key, sizeof(key), "%s/%s/%s", client->vhost, client->app, client->stream);
    api_json_id(hooks->server, key, stream_id);
    event.stream_id = stream_id;
    message_send(hooks, &event, number, record->delivered);
}

void hooks_notify_end(struct hooks *hooks, uint32_t record, uint64_t bytes_in, uint64_t bytes_out)
{
    struct hooks_record was;
    char *text;

    hooks_ledger_end(hooks->ledger, record, clock_now(), bytes_in, bytes_out);
    if (hooks_ledger_read(hooks->ledger, record, &was, &text) != 0) {
        hooks_ledger_remove(hooks->ledger, record);
        return;
    }
    record_send(hooks, &was, record);
    free(text);
}

void hooks_notify_orphan(struct hooks *hooks, const struct hooks_record *record)
{
    struct hooks_record ended = *record;
    uint32_t number;

    if (ended.state != HOOKS_ENDED)
        ended.ended_at = clock_now();
    ended.state = HOOKS_ENDED;
    number = hooks_ledger_add(hooks->ledger, &ended);
    record_send(hooks, &ended, number);
}

/* ---- the end ---- */

void hooks_notify_flush(struct hooks *hooks, usec_t deadline)
{
    hooks_target_retry_all(hooks);
    while ((hooks->queued > 0 || hooks->waiting > 0) && co_left(deadline) > 0)
        (void)co_cond_wait(&hooks->changed, co_left(deadline));
    if (hooks->queued > 0)
        log_warn(hooks->server->log, "%zu events were not delivered to callback servers",
                 hooks->queued);
    hooks->is_over = 1;
    hooks_target_end_all(hooks);
}

/*
 * Counts calls of callback servers, for /metrics: each call once, with its event, its outcome and
 * its time.
 */
#include "app/control/hooks_private.h"
#include "app/core/metrics.h"

static void count(struct hooks *hooks, enum metrics_id id, enum config_hook hook)
{
    metrics_add_label(hooks->server->metrics, id, hooks_event_name(hook), 1);
}

void hooks_stat_count(struct hooks *hooks, enum config_hook hook, int is_failure, usec_t began_at)
{
    count(hooks, METRICS_HOOK_CALLS, hook);
    if (is_failure)
        count(hooks, METRICS_HOOK_FAILURES, hook);
    else
        metrics_observe(hooks->server->metrics, METRICS_HOOK_TIME, hooks_event_name(hook),
                        clock_now() - began_at);
}

void hooks_stat_refusal(struct hooks *hooks, enum config_hook hook)
{
    count(hooks, METRICS_HOOK_REFUSALS, hook);
}

void hooks_stat_drop(struct hooks *hooks, enum config_hook hook)
{
    count(hooks, METRICS_HOOK_DROPS, hook);
}

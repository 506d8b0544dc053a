/*
 * Calls the events of a source; no other file does. The callbacks run inline, belong to the layer
 * above and never yield. Some are called once per publication, or only after a change.
 */
#include "live/source_private.h"

#include <string.h>

void source_report_data(struct source *source)
{
    if (source->events.on_data != NULL)
        source->events.on_data(source, source->events.arg);
}

void source_report_viewers(struct source *source)
{
    if (source->events.on_viewers != NULL)
        source->events.on_viewers(source, source->events.arg);
}

void source_report_watched(struct source *source)
{
    if (source->events.on_watched != NULL)
        source->events.on_watched(source, source->events.arg);
}

void source_report_begin(struct source *source, struct viewer *viewer)
{
    if (source->events.on_begin != NULL)
        source->events.on_begin(source, viewer, source->events.arg);
}

void source_report_facts(struct source *source)
{
    struct source_facts facts;

    if (source->events.on_facts == NULL)
        return;
    source_facts(source, &facts);
    if (memcmp(&facts, &source->reported, sizeof(facts)) == 0)
        return;
    source->reported = facts;
    source->events.on_facts(source, source->events.arg);
}

void source_report_gop(struct source *source)
{
    enum ring_loss loss = source->native.ring.sync_loss;

    if (loss == RING_LOSS_NONE || source->has_reported_gop || !source->config.gop_cache)
        return;
    source->has_reported_gop = 1;
    if (source->events.on_gop_lost != NULL)
        source->events.on_gop_lost(source,
                                   loss == RING_LOSS_UNITS ? SOURCE_GOP_FRAMES : SOURCE_GOP_BYTES,
                                   source->events.arg);
}

void source_report_repair(struct source *source, const char *what)
{
    if (source->has_repaired)
        return;
    source->has_repaired = 1;
    if (source->events.on_repair != NULL)
        source->events.on_repair(source, what, source->events.arg);
}

void source_report_evict(struct source *source, struct viewer *viewer)
{
    if (source->events.on_evict != NULL)
        source->events.on_evict(source, viewer, source->events.arg);
}

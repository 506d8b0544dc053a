/*
 * Makes renditions: with their first viewer, or to be kept. Each is filled when it is made; a
 * format that must know the tracks is filled as soon as they are known.
 */
#include "live/renditions.h"

#include <stdlib.h>
#include <string.h>

static struct rendition *find_like(struct source *source, const struct mux *mux,
                                   enum source_only only, const struct source_select *select,
                                   int is_deep)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->mux == mux && r->only == only && r->is_deep >= is_deep &&
            memcmp(&r->select, select, sizeof(r->select)) == 0)
            return r;
    return NULL;
}

/* Whether viewers with this start need the past in the rendition's own ring. */
static int is_deep_start(const struct source *source, const struct source_start *start)
{
    return source->config.rewind > 0 &&
           (start->kind == SOURCE_START_AT || start->kind == SOURCE_START_BACK);
}

struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   const struct viewer_wish *wish, usec_t now)
{
    static const struct source_select defaults;
    struct source_select fit = wish->select;
    enum source_only only = wish->only;
    int is_deep = is_deep_start(source, &wish->start);
    struct rendition *rendition;

    if (mux_is_audio_only(mux))
        only = SOURCE_BOTH;
    source_select_fit(source, mux, &fit);
    if (mux == source->native.mux && only == SOURCE_BOTH &&
        memcmp(&fit, &defaults, sizeof(fit)) == 0)
        return &source->native;
    rendition = find_like(source, mux, only, &fit, is_deep);
    if (rendition != NULL || source_select_is_full(source, &fit))
        return rendition;
    rendition = malloc(sizeof(*rendition));
    if (rendition == NULL)
        return NULL;
    if (rendition_init(rendition, source, mux) != 0) {
        free(rendition);
        return NULL;
    }
    rendition->only = only;
    rendition->select = fit;
    rendition->is_deep = is_deep;
    rendition_set_limits(rendition);
    source_select_set(source, rendition);
    rendition->pushed_at = now;
    if (source->is_decided || rendition_is_eager(rendition))
        rendition_fill(rendition);
    rendition->next = source->others;
    source->others = rendition;
    return rendition;
}

void source_rendition_fill_all(struct source *source)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (!r->is_fed && !rendition_is_filling(r))
            rendition_fill(r);
}

void source_rendition_make_full(struct source *source, usec_t now)
{
    const struct viewer_wish all = {.select.is_all = 1};

    if (source->full != NULL)
        return;
    renditions_fill_end(source);
    source->full = source_rendition(source, &mux_flv_all, &all, now);
    if (source->full == NULL)
        return;
    /* Renditions of selected tracks are filled from it, also those that keep the past. What is
     * older than it has no such tracks. */
    source->full->is_deep = 1;
    source->full->is_kept = 1;
    rendition_set_limits(source->full);
}

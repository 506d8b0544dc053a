/*
 * Makes renditions: with their first viewer, or to be kept. Each is filled when it is made; a
 * format that must know the tracks is filled as soon as they are known.
 */
#include "live/renditions.h"

#include <stdlib.h>
#include <string.h>

static struct rendition *rendition_find(struct source *source, const struct mux *mux,
                                        enum source_only only, const struct source_select *select)
{
    for (struct rendition *r = source->others; r != NULL; r = r->next)
        if (r->mux == mux && r->only == only && memcmp(&r->select, select, sizeof(r->select)) == 0)
            return r;
    return NULL;
}

struct rendition *source_rendition(struct source *source, const struct mux *mux,
                                   enum source_only only, const struct source_select *select,
                                   usec_t now)
{
    static const struct source_select defaults;
    struct source_select fit = *select;
    struct rendition *rendition;

    if (mux_is_audio_only(mux))
        only = SOURCE_BOTH;
    source_select_fit(source, mux, &fit);
    if (mux == source->native.mux && only == SOURCE_BOTH &&
        memcmp(&fit, &defaults, sizeof(fit)) == 0)
        return &source->native;
    rendition = rendition_find(source, mux, only, &fit);
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
        if (!r->is_fed)
            rendition_fill(r);
}

void source_rendition_make_full(struct source *source, usec_t now)
{
    const struct source_select all = {.is_all = 1};

    if (source->full != NULL)
        return;
    source->full = source_rendition(source, &mux_flv_all, SOURCE_BOTH, &all, now);
    if (source->full != NULL)
        source->full->is_kept = 1;
}

/*
 * Both limits follow the stream's own rate: 60 video frames a second delay audio by 17 ms. Slow
 * video delays it by no more than the maximum.
 */
#include "app/stream/fanout_audio.h"

void fanout_audio_set(struct fanout_audio *audio, int32_t frame_ms)
{
    usec_t time = (usec_t)frame_ms * USEC_PER_MS;

    audio->frame_time = time < FANOUT_AUDIO_WAIT ? time : FANOUT_AUDIO_WAIT;
}

void fanout_audio_note_video(struct fanout_audio *audio, usec_t now)
{
    audio->video_at = now;
}

int fanout_audio_waits(struct fanout_audio *audio, usec_t now)
{
    if (!audio->is_on || audio->video_at == 0 || audio->frame_time <= 0)
        return 0;
    if (audio->until != 0)
        return now < audio->until;
    if (now - audio->video_at > 2 * audio->frame_time)
        return 0;
    audio->until = now + audio->frame_time;
    return 1;
}

int fanout_audio_is_due(const struct fanout_audio *audio, usec_t now)
{
    return audio->until != 0 && now >= audio->until;
}

void fanout_audio_sent(struct fanout_audio *audio)
{
    audio->until = 0;
}

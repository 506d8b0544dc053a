// Numbers and times as text. Pure functions.

/** Bits per second, from kbit/s. */
export function rateText(kbps) {
    if (!Number.isFinite(kbps)) {
        return '–';
    }
    if (kbps >= 1e6) {
        return `${(kbps / 1e6).toFixed(2)} Gbit/s`;
    }
    if (kbps >= 1000) {
        return `${(kbps / 1000).toFixed(kbps >= 1e5 ? 0 : 1)} Mbit/s`;
    }
    return `${Math.round(kbps)} kbit/s`;
}

export function bytesText(bytes) {
    const names = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
    let value = Number(bytes);
    let unit = 0;

    if (!Number.isFinite(value) || value < 0) {
        return '–';
    }
    while (value >= 1000 && unit < names.length - 1) {
        value /= 1000;
        unit++;
    }
    return `${unit > 0 && value < 100 ? value.toFixed(1) : Math.round(value)} ${names[unit]}`;
}

/** A duration in seconds: "8 s", "3 min 20 s", "2 h 5 min", "4 d 1 h". */
export function durationText(seconds) {
    if (!Number.isFinite(seconds) || seconds < 0) {
        return '–';
    }
    const s = Math.floor(seconds);

    if (s < 60) {
        return `${s} s`;
    }
    if (s < 3600) {
        return `${Math.floor(s / 60)} min ${s % 60} s`;
    }
    if (s < 86400) {
        return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    }
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A ratio as percent: the API gives 0.02 for 2 %. */
export function percentText(ratio) {
    return Number.isFinite(ratio) ? `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %` : '–';
}

export function countText(count, one, many = `${one}s`) {
    return `${Number.isFinite(count) ? count.toLocaleString('en') : '–'} ${count === 1 ? one : many}`;
}

/** "H.264 High 4 1280×720", from a stream's `video`; null: no video. */
export function videoText(video) {
    if (!video) {
        return 'no video';
    }
    const size = video.width > 0 && video.height > 0 ? `${video.width}×${video.height}` : '';

    return [video.codec, video.profile, video.level, size].filter(Boolean).join(' ');
}

export function audioText(audio) {
    if (!audio) {
        return 'no audio';
    }
    const rate = audio.sample_rate > 0 ? `${audio.sample_rate / 1000} kHz` : '';
    const channels = { 1: 'mono', 2: 'stereo' }[audio.channel] || '';

    return [audio.codec, rate, channels].filter(Boolean).join(' ');
}

// The page's texts: one for each state, and formatted figures. No DOM in here.

import { State } from './states.js';

// The text over the picture in each state. busy: with a spinner; play: with a start button;
// again: with a button to try again. {reason}, {status} and {seconds} are replaced.
const TEXT = {
    [State.STOPPED]: { headline: '', play: true },
    [State.CONNECTING]: { headline: 'Connecting …', busy: true },
    [State.WAITING]: {
        headline: 'Waiting for a publisher',
        detail: 'The server keeps the connection open; playback starts as soon as the stream is published.',
        busy: true,
    },
    [State.BUFFERING]: { headline: 'Loading …', busy: true },
    [State.PLAYING]: null,
    [State.INTERRUPTED]: {
        headline: 'Waiting for the publisher',
        detail: 'Connected; playback resumes when the stream comes back.',
        busy: true,
    },
    [State.PAUSED]: { headline: 'Paused', play: true },
    [State.SUSPENDED]: {
        headline: 'Paused',
        detail: '{reason} Playback resumes at the live edge.',
        play: true,
    },
    [State.BLOCKED]: { headline: 'Your browser requires a click to start playback', play: true },
    [State.MISSING]: {
        headline: '404: no such stream',
        detail: '{reason} Trying again {seconds}.',
        busy: true,
        again: true,
    },
    [State.DENIED]: { headline: '{status}', detail: '{reason}', again: true },
    [State.UNSUPPORTED]: {
        headline: 'This browser cannot play the stream',
        detail: '{reason} The lines below open it in other players.',
        again: true,
    },
    [State.RETRYING]: {
        headline: 'Reconnecting …',
        detail: '{reason} Trying again {seconds}.',
        busy: true,
        again: true,
    },
};

const DENIED_TEXT = { 401: '401: a login or a token is missing', 403: '403: not allowed' };

function sentence(text) {
    if (!text) {
        return '';
    }
    const start = text[0].toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(start) ? start : `${start}.`;
}

/** The texts for a session: { headline, detail, busy, play, again }, or null: none. */
export function stateText({ state, reason, status, retryAt }) {
    const text = TEXT[state];
    if (!text) {
        return null;
    }
    const left = Math.max(0, retryAt - performance.now()) / 1000;
    const fill = (line) =>
        (line || '')
            .replace('{status}', DENIED_TEXT[status])
            .replace('{reason}', sentence(reason))
            .replace('{seconds}', left >= 1 ? `in ${Math.ceil(left)} s` : 'now')
            .trim();
    return { ...text, headline: fill(text.headline), detail: fill(text.detail) };
}

export function codecText(codec) {
    const avc = /^avc1\.(..)..(..)$/i.exec(codec);
    if (avc) {
        const profile = { 42: 'Baseline', '4d': 'Main', 58: 'Extended', 64: 'High' };
        const level = parseInt(avc[2], 16) / 10;
        return `H.264 ${profile[avc[1].toLowerCase()] || avc[1]} ${level}`;
    }
    const known = [
        [/^avc1$/, 'H.264'],
        [/^mp4a$/, 'AAC'],
        [/^mp4a\.40\.2$/, 'AAC LC'],
        [/^mp4a\.40\.5$/, 'HE-AAC'],
        [/^mp4a\.40\.29$/, 'HE-AAC v2'],
        [/^(mp3|mp4a\.(69|6b))$/i, 'MP3'],
        [/^(hvc1|hev1)/, 'H.265'],
        [/^av01/, 'AV1'],
        [/^opus$/i, 'Opus'],
    ];
    const found = known.find(([pattern]) => pattern.test(codec));
    return found ? found[1] : codec;
}

const FLV_AUDIO = {
    0: 'PCM',
    1: 'ADPCM',
    3: 'PCM',
    4: 'Nellymoser',
    5: 'Nellymoser',
    6: 'Nellymoser',
    7: 'G.711 A-law',
    8: 'G.711 µ-law',
    11: 'Speex',
};

/** Whether an error of the library or the browser concerns only the audio. */
export function isOfAudio(error) {
    return /audio/i.test(error) && !/video/i.test(error);
}

/** The codec that such an error names. */
export function audioName(error) {
    const flv = /audio codec idx: (\d+)/i.exec(error);
    const other = /(?:audio codec: |codecs=["']?)([\w.-]+)/i.exec(error);
    return (flv && FLV_AUDIO[flv[1]]) || (other && codecText(other[1])) || 'its codec';
}

export function bytesText(count) {
    if (count < 1e6) {
        return `${(count / 1e3).toFixed(0)} kB`;
    }
    return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

export function rateText(rate) {
    if (!rate) {
        return '–';
    }
    return rate < 1e6 ? `${(rate / 1e3).toFixed(0)} kbit/s` : `${(rate / 1e6).toFixed(2)} Mbit/s`;
}

export function secondsText(value) {
    return value === null ? '–' : `${value.toFixed(2)} s`;
}

/** One line that describes a stream of the server's list. */
export function listText(item) {
    const { video, audio } = item;
    if (!item.publish?.active) {
        return 'Not published at the moment';
    }
    const parts = [
        video?.width ? `${video.width}×${video.height}` : '',
        video ? video.codec.replace('H264', 'H.264') : '',
        audio ? audio.codec : '',
        item.kbps?.recv_30s ? rateText(item.kbps.recv_30s * 1000) : '',
    ];
    return parts.filter(Boolean).join(' · ');
}

/** The number of viewers. The API counts the publisher as a client, as SRS does. */
export function viewersText(item) {
    return `${Math.max(0, (item.clients || 0) - (item.publish?.active ? 1 : 0))} watching`;
}

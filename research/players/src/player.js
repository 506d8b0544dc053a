// The page: shows what a Session reports and hands it what people do.

import * as addresses from './address.js';
import { Chart } from './chart.js';
import { Session, State } from './session.js';

const $ = (id) => document.getElementById(id);
const { mpegts } = window;
const video = $('video');
const SOUND_KEY = 'millrace.sound';

// What each state says over the picture. busy: with the turning ring; play: with a button to
// start; again: with a button to try again. {reason} and {seconds} are filled in.
const TEXT = {
    [State.STOPPED]: { headline: '', play: true },
    [State.CONNECTING]: { headline: 'Connecting …', busy: true },
    [State.WAITING]: {
        headline: 'Waiting for a publisher',
        detail: 'The server holds the line and starts as soon as the stream is published.',
        busy: true,
    },
    [State.BUFFERING]: { headline: 'Loading …', busy: true },
    [State.PLAYING]: null,
    [State.AWAY]: {
        headline: 'The publisher is away',
        detail: 'Connected; the picture goes on when the stream comes back.',
        busy: true,
    },
    [State.BLOCKED]: { headline: 'Your browser wants a click before it plays', play: true },
    [State.MISSING]: {
        headline: '404: no such stream',
        detail: '{reason} Asking again {seconds}.',
        busy: true,
        again: true,
    },
    [State.DENIED]: { headline: '{status}', detail: '{reason}', again: true },
    [State.UNSUPPORTED]: {
        headline: 'This browser cannot play the stream',
        detail: '{reason} The lines below play it in another program.',
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

let address = addresses.addressFromQuery(location.search, location);
const session = new Session(video, mpegts);
const charts = {
    latency: new Chart($('c-latency'), 1),
    bitrate: new Chart($('c-bitrate'), 500_000),
};

// Figures.

function codecName(codec) {
    const avc = /^avc1\.(..)..(..)$/i.exec(codec);
    if (avc) {
        const profile = { 42: 'Baseline', '4d': 'Main', 58: 'Extended', 64: 'High' };
        const level = parseInt(avc[2], 16) / 10;
        return `H.264 ${profile[avc[1].toLowerCase()] || avc[1]} ${level}`;
    }
    const known = [
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

function bytesText(count) {
    if (count < 1e6) {
        return `${(count / 1e3).toFixed(0)} kB`;
    }
    return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

function rateText(rate) {
    if (!rate) {
        return '–';
    }
    return rate < 1e6 ? `${(rate / 1e3).toFixed(0)} kbit/s` : `${(rate / 1e6).toFixed(2)} Mbit/s`;
}

function show(id, text) {
    const element = $(id);
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

const seconds = (value) => (value === null ? '–' : `${value.toFixed(2)} s`);

function showFigures() {
    const figures = session.statistics;
    const hasPicture = figures.width > 0;
    show('f-latency', seconds(figures.latency));
    show('f-bitrate', rateText(figures.bitrate));
    show('f-buffer', seconds(session.player ? figures.buffer : null));
    show('f-bytes', bytesText(figures.bytes));
    show('f-picture', hasPicture ? `${figures.width} × ${figures.height}` : '–');
    show('f-fps', figures.framesPerSecond ? figures.framesPerSecond.toFixed(0) : '–');
    show('f-video', codecName(figures.videoCodec) || '–');
    show('f-audio', codecName(figures.audioCodec) || '–');
    const share = figures.decodedFrames
        ? ` (${((figures.droppedFrames * 100) / figures.decodedFrames).toFixed(1)} %)`
        : '';
    show('f-dropped', `${figures.droppedFrames}${share}`);
    show('f-reloads', String(figures.reloads));
    const isPlaying = session.state === State.PLAYING && figures.latency !== null;
    show('live-text', isPlaying ? `Live −${figures.latency.toFixed(1)} s` : 'Live');
    return figures;
}

// The state.

function sentence(text) {
    if (!text) {
        return '';
    }
    const start = text[0].toUpperCase() + text.slice(1);
    return /[.!?…]$/.test(start) ? start : `${start}.`;
}

function fill(text) {
    const left = Math.max(0, session.retryAt - performance.now()) / 1000;
    return (text || '')
        .replace('{status}', DENIED_TEXT[session.status])
        .replace('{reason}', sentence(session.reason))
        .replace('{seconds}', left >= 1 ? `in ${Math.ceil(left)} s` : 'now')
        .trim();
}

function showState() {
    const text = TEXT[session.state];
    const frame = $('frame');
    frame.dataset.state = session.state;
    frame.toggleAttribute('data-busy', Boolean(text?.busy));
    $('cover').hidden = !text;
    show('headline', fill(text?.headline));
    show('detail', fill(text?.detail));
    $('cover-play').hidden = !text?.play;
    $('again').hidden = !text?.again;
    $('state').dataset.state = session.state;
    show('state', session.state);
    $('toggle-icon').setAttribute('href', session.isRunning ? '#i-stop' : '#i-play');
    showSound();
}

function showSound() {
    const isSilent = video.muted || video.volume === 0;
    $('mute-icon').setAttribute('href', isSilent ? '#i-mute' : '#i-sound');
    $('volume').value = video.muted ? 0 : video.volume;
    $('unmute').hidden = !(session.isMutedByBrowser && video.muted && session.state === State.PLAYING);
}

// The last picture stays, dimmed, while the stream is opened again.
function keepStill() {
    const still = $('still');
    if (video.videoWidth > 0 && video.readyState >= 2) {
        still.width = video.videoWidth;
        still.height = video.videoHeight;
        still.getContext('2d').drawImage(video, 0, 0);
    }
}

function clearStill() {
    $('still').width = $('still').width; // resizing clears it
}

// The address.

function showAddress() {
    $('address').value = addresses.streamUrl(address);
    const name = `${address.app}/${address.stream}`;
    show('stream-name', name);
    document.title = `${name} – Millrace player`;
    const lines = addresses.commandLines(address).map(({ label, text }) => {
        const item = $('line').content.cloneNode(true);
        item.querySelector('.line-label').textContent = label;
        item.querySelector('code').textContent = text;
        const button = item.querySelector('button');
        button.setAttribute('aria-label', `Copy the line for ${label}`);
        button.addEventListener('click', () => copy(text, button.querySelector('span')));
        return item;
    });
    $('lines').replaceChildren(...lines);
}

async function copy(text, label) {
    let isCopied = true;
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Without https there is no clipboard to write to but the old way.
        const field = document.createElement('textarea');
        field.value = text;
        document.body.append(field);
        field.select();
        isCopied = document.execCommand('copy');
        field.remove();
    }
    label.textContent = isCopied ? 'Copied' : 'Failed';
    setTimeout(() => (label.textContent = 'Copy'), 1500);
}

function start() {
    clearStill();
    charts.latency.clear();
    charts.bitrate.clear();
    session.start(addresses.streamUrl(address));
}

$('address-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const entered = addresses.addressFromText($('address').value.trim(), location);
    $('address').setAttribute('aria-invalid', String(!entered));
    if (entered) {
        address = entered;
        history.replaceState(null, '', addresses.pageQuery(address));
        showAddress();
        start();
    }
});

// The controls.

function toggle() {
    if (session.isRunning) {
        session.stop();
    } else {
        start();
    }
}

$('toggle').addEventListener('click', toggle);
$('again').addEventListener('click', () => session.retry());
$('cover-play').addEventListener('click', () => {
    if (session.state === State.BLOCKED) {
        session.unmute();
    } else {
        start();
    }
});
$('unmute').addEventListener('click', () => session.unmute());
$('live').addEventListener('click', () => session.jumpToLive());
$('mute').addEventListener('click', () => {
    if (video.muted) {
        session.unmute();
    } else {
        video.muted = true;
    }
});
$('volume').addEventListener('input', () => {
    video.volume = Number($('volume').value);
    if (video.muted && video.volume > 0) {
        session.unmute();
    }
});
video.addEventListener('volumechange', () => {
    showSound();
    try {
        localStorage.setItem(SOUND_KEY, String(video.volume));
    } catch {
        // Private windows may have no storage; the volume is forgotten then.
    }
});
$('full').addEventListener('click', () => {
    if (document.fullscreenElement) {
        document.exitFullscreen();
    } else if ($('frame').requestFullscreen) {
        $('frame').requestFullscreen();
    } else {
        video.webkitEnterFullscreen?.(); // iPhones know only this
    }
});
$('pip').hidden = !document.pictureInPictureEnabled;
$('pip').addEventListener('click', async () => {
    try {
        if (document.pictureInPictureElement) {
            await document.exitPictureInPicture();
        } else {
            await video.requestPictureInPicture();
        }
    } catch {
        // Not before there is a picture.
    }
});
video.addEventListener('dblclick', () => $('full').click());

// A finger has no hover: a touch shows the controls for a while.
let touched = 0;
$('frame').addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch') {
        $('frame').dataset.touched = '';
        clearTimeout(touched);
        touched = setTimeout(() => delete $('frame').dataset.touched, 3000);
    }
});

document.addEventListener('keydown', (event) => {
    if (event.target.closest('input, button, textarea') || event.ctrlKey || event.metaKey) {
        return;
    }
    const keys = {
        ' ': toggle,
        m: () => $('mute').click(),
        f: () => $('full').click(),
        l: () => session.jumpToLive(),
    };
    if (keys[event.key]) {
        event.preventDefault();
        keys[event.key]();
    }
});

// A browser may have paused what nobody saw; what comes back is shown live.
document.addEventListener('visibilitychange', () => {
    if (!document.hidden && session.isRunning && session.player) {
        if (video.paused && session.state !== State.BLOCKED) {
            video.play().catch(() => {});
        }
        session.jumpToLive();
    }
});

let ticks = 0;
session.addEventListener('change', showState);
session.addEventListener('beforeclose', keepStill);
session.addEventListener('tick', () => {
    const figures = showFigures();
    if (session.retryAt) {
        showState(); // counts down
    }
    ticks += 1;
    if (ticks % 2 === 0 && session.player) {
        charts.latency.add(figures.latency);
        charts.bitrate.add(figures.bitrate);
    }
});

if (mpegts) {
    // The page says what is wrong; the library's own lines would only repeat it.
    mpegts.LoggingControl.enableAll = false;
}

try {
    const stored = localStorage.getItem(SOUND_KEY);
    if (stored !== null) {
        video.volume = Math.min(1, Math.max(0, Number(stored)));
    }
} catch {
    // As above.
}

// For tests and for the curious.
window.millrace = {
    session,
    get state() {
        return session.state;
    },
    get statistics() {
        return session.statistics;
    },
    get address() {
        return addresses.streamUrl(address);
    },
};

showAddress();
showState();
if (address.autostart) {
    start();
}

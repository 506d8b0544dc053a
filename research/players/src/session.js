// One stream in one video element, kept playing: turns what browser, library and server do into
// the signals of states.js, opens and closes the connection as the state wants it, and measures.
// The page only shows what this reports.

import { createAudioPlayer } from './audio.js';
import { liveLoader } from './loader.js';
import { Meter } from './meter.js';
import { resumeUrl } from './resume.js';
import { TrueLatency } from './stamps.js';
import {
    isRunning,
    isTimed,
    Line,
    lineOf,
    nextState,
    REPUBLISH_WAIT_MS,
    Signal,
    signalOf,
    SILENCE_SLACK_MS,
    SILENT_AFTER_MS,
    State,
    WAIT_MAX_MS,
} from './states.js';
import { tsInfo } from './ts.js';
import { audioName, isOfAudio } from './words.js';

export { State };

const TICK_MS = 250;
const STEADY_MS = 5000; // played for so long: the next failure starts from the shortest wait
// A browser keeps so many connections to a server; when one of them died, all may have, and each of
// them has to fail before a new one is made.
const CONNECTIONS_MAX = 6;
const DOUBT_MS = 4000; // how long such a connection may leave a request without an answer
const RETRY_MS = [300, 1000, 2000, 4000, 8000];
// DOMException's codes.
const NOT_SUPPORTED = 9; // the browser has no such decoder
const QUOTA_EXCEEDED = 22;
const REASONS = {
    [Signal.DEAD]: 'no data received',
    [Signal.FROZEN]: 'the video froze',
};
const TYPES = { flv: 'flv', ts: 'mpegts' }; // formats in the library's words

// Beyond the target: the picture plays a little faster, unnoticed, until it is there again; far
// beyond, it jumps. Short of it, it plays slower until enough is buffered.
const PACE_SLACK = 0.35; // seconds
const PACE_JUMP = 1;
const PACE_FAST = 1.06;
const PACE_SLOW = 0.95;
const SHOWN_MAX_MS = 1000; // a picture that stands longer says nothing about the latency
/** A resumed stream may be silent for so long: the loader asks for it meanwhile. */
const RESUME_MAX_MS = 65000;

function libraryConfig(customLoader) {
    return {
        isLive: true,
        enableStashBuffer: false,
        liveBufferLatencyChasing: false, // _pace() does, but for what the viewer shall not miss
        lazyLoad: false,
        autoCleanupSourceBuffer: true,
        autoCleanupMaxBackwardDuration: 30,
        autoCleanupMinBackwardDuration: 15,
        customLoader,
    };
}

function withoutAudio(url) {
    return `${url}${url.includes('?') ? '&' : '?'}only=video`;
}

/** One stream. Events: "change" (of state, or of what is said of it), "tick", "beforeclose". */
export class Session extends EventTarget {
    constructor(video, mpegts) {
        super();
        this.video = video;
        this.mpegts = mpegts;
        this.url = '';
        this.state = State.STOPPED;
        this.reason = '';
        this.status = 0; // the HTTP status of the last answer
        this.retryAt = 0;
        this.reloads = 0;
        this.isMutedByBrowser = false;
        this.player = null;
        this.mediaInfo = null;
        this.failures = 0;
        this.format = 'flv';
        this.latencyTarget = 0.6;
        this.hasNoSocket = false; // HTTP answers at this address, a WebSocket does not
        this.notice = ''; // what the viewer has to do without
        this.republishWait = REPUBLISH_WAIT_MS; // of the server
        this.clock = null; // the server's, a ServerClock
        this.rewind = 0; // how much of the past the server keeps, ms
        this.resumes = 0; // interruptions that the viewer did not lose anything by
        this.isBehind = false; // the viewer watches the past
        this._isCatchingUp = false; // after an interruption, without leaving anything out
        this._back = 0; // begins so many ms in the past
        this._withoutAudio = false;
        this._doubts = 0; // so many of the next requests may go into dead connections
        this._meter = new Meter();
        this._age = new TrueLatency();
        this._shown = null; // the picture on the screen: { mediaTime (s), at (performance.now()) }
        this._ahead = []; // what was buffered at the last ticks
        video.addEventListener('error', () => this._onVideoError());
        video.addEventListener('playing', () => this._onPlaying());
        this._noteShown();
        this._ticks = setInterval(() => this._tick(), TICK_MS);
    }

    get isRunning() {
        return isRunning(this.state);
    }

    /** options: format, latency (the target, in seconds). */
    start(url, { format = 'flv', latency = 0.6 } = {}) {
        this.url = url;
        this.format = format;
        this.latencyTarget = latency;
        this.hasNoSocket = false;
        this.failures = 0;
        this.reloads = 0;
        this.resumes = 0;
        this.notice = '';
        this._withoutAudio = false;
        this._goLive();
        this._signal(Signal.OPEN);
    }

    _goLive() {
        this.isBehind = false;
        this._isCatchingUp = false;
        this._back = 0;
    }

    stop() {
        this._signal(Signal.STOP);
    }

    /** The end: nothing can be played with it afterwards. */
    destroy() {
        this.stop();
        clearInterval(this._ticks);
    }

    /** Opens the same stream again at once. */
    retry() {
        if (this.url) {
            this._signal(Signal.OPEN);
        }
    }

    /** The page is visible again: the browser may have paused the video; shows what is live. */
    show() {
        if (this.player && this.state !== State.BLOCKED) {
            this.resume();
        }
        this._signal(Signal.SHOW);
    }

    /** Plays on, at the live edge. */
    resume() {
        if (this.video.paused) {
            this._play();
        }
        this.jumpToLive();
    }

    /** After a click: with sound, which the browser may have refused before. */
    unmute() {
        this.video.muted = false;
        this.isMutedByBrowser = false;
        this._play();
    }

    /** Goes back so many seconds, as far as the server keeps the past. */
    seekBack(seconds) {
        const { buffered, currentTime } = this.video;
        const wanted = currentTime - seconds;
        if (!this.player || !this.canSeek) {
            return;
        }
        for (let i = 0; i < buffered.length; i++) {
            if (wanted >= buffered.start(i) && wanted <= buffered.end(i)) {
                this.isBehind = true;
                this._isCatchingUp = false;
                this.video.currentTime = wanted;
                this.dispatchEvent(new Event('change'));
                return;
            }
        }
        const edge = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
        this._back = Math.min(this.rewind, Math.round((edge - wanted) * 1000));
        this.isBehind = true;
        this._isCatchingUp = false;
        this._signal(Signal.OPEN);
    }

    /** Whether the past can be watched: an FLV stream of a server that keeps it. */
    get canSeek() {
        return this.rewind > 0 && this.format === 'flv';
    }

    /** Skips what is buffered but for the last moment. */
    jumpToLive() {
        const { buffered } = this.video;
        this._goLive();
        if (buffered.length > 0) {
            this.video.currentTime = Math.max(0, buffered.end(buffered.length - 1) - Math.min(0.3, this.latencyTarget));
        }
    }

    get statistics() {
        const { video } = this;
        const now = performance.now();
        const quality = video.getVideoPlaybackQuality?.();
        const info = this.mediaInfo || {};
        return {
            state: this.state,
            reason: this.reason,
            notice: this.notice,
            status: this.status,
            currentTime: video.currentTime,
            format: this.format,
            buffer: this._bufferedAhead(),
            latency: this._latency(now),
            ...this._trueLatency(now),
            latencyTarget: this.latencyTarget,
            playbackRate: video.playbackRate,
            bitrate: this._meter.bitrate(now),
            bytes: this._meter.bytes,
            videoCodec: info.hasVideo === false ? '' : info.videoCodec || '',
            audioCodec: info.hasAudio === false ? '' : info.audioCodec || '',
            width: video.videoWidth,
            height: video.videoHeight,
            framesPerSecond: this._meter.framesPerSecond(),
            decodedFrames: quality ? quality.totalVideoFrames : 0,
            droppedFrames: quality ? quality.droppedVideoFrames : 0,
            reloads: this.reloads,
            resumes: this.resumes,
            isBehind: this.isBehind,
            muted: video.muted,
        };
    }

    // The one place where the state changes.
    _signal(signal, reason = '') {
        if (signal === Signal.DEAD && this._meter.lastData > 0) {
            this._doubts = CONNECTIONS_MAX;
        }
        const state = nextState(this.state, signal);
        if (state === null || (state === this.state && lineOf(state) === Line.KEEP)) {
            return;
        }
        const line = lineOf(state);
        if (line !== Line.KEEP) {
            this._close();
        }
        if (isTimed(state)) {
            this._wait();
        }
        this.state = state;
        this.reason = reason;
        this.dispatchEvent(new Event('change'));
        if (line === Line.NEW && this.state === state) {
            this._open();
        }
    }

    // Until the next attempt: longer after each failure.
    _wait() {
        const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        const jittered = wait * (0.8 + 0.4 * Math.random());
        this.failures += 1;
        this.reloads += 1;
        this.retryAt = performance.now() + jittered;
        this._timer = setTimeout(() => this._signal(Signal.DUE), jittered);
    }

    _open() {
        const { mpegts, video } = this;
        if (!mpegts) {
            this._signal(Signal.UNSUPPORTED, 'mpegts.js could not be loaded; reload the page');
            return;
        }
        if (TYPES[this.format] && !mpegts.getFeatureList().mseLivePlayback) {
            this._signal(Signal.UNSUPPORTED, 'this browser has no Media Source Extensions');
            return;
        }
        const now = performance.now();
        this.status = 0;
        this.mediaInfo = null;
        this._meter.reset();
        this._age = new TrueLatency();
        this._shown = null;
        this._ahead = [];
        this._opened = now;
        this._isAnswered = false;
        this._lastTime = 0;
        this._lastProgress = now;
        this._playedSince = 0;
        this._refusal = null;
        this._isHalted = false;
        this._waitMax = this._doubts > 0 ? DOUBT_MS : WAIT_MAX_MS;
        this._doubts = Math.max(0, this._doubts - 1);

        const observer = {
            onRequest: () => (this._isHalted = false),
            onOpen: ({ status }) => this._onOpen(status),
            onData: (buffer) => this._onData(buffer),
            onFrame: (type, time) => this._age.onFrame(type, time),
            onStamp: (stamp) => this._age.onStamp(stamp),
            onRefused: (answer) => (this._refusal = answer),
            onNoSocket: () => (this.hasNoSocket = true),
            onLost: () => this.dispatchEvent(new Event('change')),
            onResumed: () => {
                this.resumes += 1;
                this._isCatchingUp = !this.isBehind;
            },
            onAbort: () => {
                if (this.player) {
                    this._isHalted = true; // by the library, not by _close()
                    later(() => this._isHalted && this._onFull());
                }
            },
        };
        const player = this._create(observer);
        // Not from within the library's own call.
        const later = (act) => setTimeout(() => player === this.player && act());
        this.player = player;
        const { Events } = mpegts;
        player.on(Events.ERROR, (type, detail, info) => {
            later(() => this._onError(type, detail, info));
        });
        player.on(Events.LOADING_COMPLETE, () => later(() => this._onEnd()));
        player.on(Events.MEDIA_INFO, (info) => {
            this.mediaInfo = info;
        });
        try {
            player.attachMediaElement(video);
            player.load();
        } catch (error) {
            this._signal(Signal.BREAK, error.message);
            return;
        }
        this._play();
    }

    _create(observer) {
        const { mpegts, format } = this;
        const whole = this._withoutAudio ? withoutAudio(this.url) : this.url;
        const url = this._back > 0 ? resumeUrl(whole, -this._back) : whole;
        this._back = 0; // another attempt begins live
        const loader = liveLoader(mpegts, observer, {
            isFlv: format === 'flv',
            canResume: () => this.canSeek,
        });
        if (!TYPES[format]) {
            return createAudioPlayer(mpegts, { format, url, loader, observer });
        }
        const source = { type: TYPES[format], isLive: true, url };
        return mpegts.createPlayer(source, libraryConfig(loader));
    }

    _close() {
        clearTimeout(this._timer);
        this.retryAt = 0;
        const { player } = this;
        this.player = null;
        if (player) {
            this.dispatchEvent(new Event('beforeclose'));
            player.destroy();
        }
    }

    // Plays with sound, else without, else waits for a click.
    async _play() {
        const { video } = this;
        try {
            await video.play();
        } catch (error) {
            if (error.name !== 'NotAllowedError' || !this.player) {
                return; // another load() came in between
            }
            if (video.muted) {
                this._signal(Signal.BLOCK);
                return;
            }
            video.muted = true;
            this.isMutedByBrowser = true;
            this.dispatchEvent(new Event('change'));
            await this._play();
        }
    }

    _onOpen(status) {
        this.status = status;
        this._isAnswered = true;
        this._opened = performance.now();
        this._signal(Signal.ANSWER);
    }

    _onEnd() {
        // The next publisher may send another codec.
        this._withoutAudio = false;
        this.notice = '';
        this._signal(Signal.END, 'the stream ended');
    }

    // The library stopped reading for good: the picture stands still, and the buffer is full.
    _onFull() {
        const isWatched = !document.hidden && !this.video.paused;
        this._signal(isWatched ? Signal.BREAK : Signal.FULL, 'the browser’s buffer is full');
    }

    _onData(buffer) {
        const now = performance.now();
        if (now - this._meter.lastData > SILENT_AFTER_MS) {
            this._lastProgress = now; // the picture could not move without data
        }
        this._meter.onData(now, buffer.byteLength);
        this._doubts = 0;
        if (this.format === 'ts' && !this.mediaInfo) {
            this.mediaInfo = tsInfo(new Uint8Array(buffer));
        }
    }

    _onError(type, detail, info) {
        const { ErrorTypes, ErrorDetails } = this.mpegts;
        if (this._refusal) {
            this._onRefused(this._refusal);
            return;
        }
        const text = String(info?.msg || info?.message || info || detail);
        const isOfMedia = detail === ErrorDetails.MEDIA_MSE_ERROR;
        const isCodec =
            detail === ErrorDetails.MEDIA_CODEC_UNSUPPORTED ||
            (isOfMedia && info?.code === NOT_SUPPORTED);
        if (isCodec) {
            this._onCodec(text);
        } else if (isOfMedia && info?.code === QUOTA_EXCEEDED) {
            this._onFull();
        } else if (this.hasNoSocket) {
            this._signal(Signal.BREAK, 'the server accepts no WebSocket at this address');
        } else if (type === ErrorTypes.NETWORK_ERROR && !this._isAnswered) {
            this._signal(Signal.BREAK, 'the server cannot be reached');
        } else if (type === ErrorTypes.NETWORK_ERROR) {
            this._signal(Signal.BREAK, 'connection lost');
        } else {
            this._signal(Signal.BREAK, text);
        }
    }

    // Without a decoder for the sound the picture alone is played.
    _onCodec(text) {
        if (this._withoutAudio || !isOfAudio(text) || !TYPES[this.format]) {
            this._signal(Signal.UNSUPPORTED, text);
            return;
        }
        this._withoutAudio = true;
        this.notice = `No sound: this browser cannot decode ${audioName(text)}.`;
        this._signal(Signal.OPEN);
    }

    _onRefused({ status, reason }) {
        this.status = status;
        if (status === 401 || status === 403) {
            this._signal(Signal.DENY, reason);
        } else if (status === 404) {
            this._signal(Signal.MISS, reason);
        } else {
            this._signal(Signal.BREAK, `the server answered ${status}${reason ? `: ${reason}` : ''}`);
        }
    }

    _onVideoError() {
        if (this.player && this.video.error) {
            const NO_SOURCE = 4; // or refused: an element does not tell which
            if (!this._isAnswered && this.video.error.code === NO_SOURCE) {
                this._signal(Signal.BREAK, 'the stream could not be opened');
                return;
            }
            this._signal(Signal.BREAK, this.video.error.message || 'the picture could not be decoded');
        }
    }

    _onPlaying() {
        if (this.player) {
            this._lastProgress = performance.now();
        }
    }

    _bufferedAhead() {
        const { buffered, currentTime } = this.video;
        return buffered.length > 0
            ? Math.max(0, buffered.end(buffered.length - 1) - currentTime)
            : 0;
    }

    _latency(now) {
        const latency = this._meter.latency(now, this.video.currentTime);
        if (latency === null || this.video.readyState < 2) {
            return null;
        }
        return Math.max(latency, this._bufferedAhead());
    }

    // The browser tells which picture it shows, and when.
    _noteShown() {
        this.video.requestVideoFrameCallback?.((now, { mediaTime, expectedDisplayTime }) => {
            this._shown = { mediaTime, at: expectedDisplayTime };
            this._noteShown();
        });
    }

    // What is shown now, for a browser that does not tell, and for audio alone.
    _shownNow(now) {
        const { video } = this;
        if (video.requestVideoFrameCallback && video.videoWidth > 0) {
            return this._shown && now - this._shown.at < SHOWN_MAX_MS ? this._shown : null;
        }
        return video.readyState >= 2 ? { mediaTime: video.currentTime, at: now } : null;
    }

    _trueLatency(now) {
        const shown = this._shownNow(now);
        const offset = this.clock?.offset ?? null;
        const age = shown && offset !== null
            ? this._age.at(shown.mediaTime, performance.timeOrigin + shown.at + offset)
            : null;
        return {
            trueLatency: age === null ? null : age.latency,
            trueLatencyBy: age === null ? '' : age.isEncoders ? 'encoder' : 'server',
        };
    }

    _tick() {
        if (this.player) {
            this._watch(performance.now());
        }
        this.dispatchEvent(new Event('tick'));
    }

    _watch(now) {
        const { video } = this;
        const { lastData } = this._meter;
        if (this._isAnswered) {
            this._measure(now);
        }
        const hasMoved = this._isAnswered && video.currentTime !== this._lastTime;
        const isPaused = video.paused && !video.ended;
        if (hasMoved || isPaused || document.hidden) {
            this._lastTime = video.currentTime;
            this._lastProgress = now;
        }
        const isMoving = hasMoved && video.readyState >= 2 && !video.paused;
        const signal = signalOf({
            hasData: this._isAnswered && lastData > 0,
            silence: now - Math.max(lastData, this._opened),
            silenceMax: lastData > 0 ? this._silenceMax() : this._waitMax,
            stoodStill: now - this._lastProgress,
            isHidden: document.hidden,
            isPaused,
            isMoving,
        });
        if (isMoving) {
            this._playedSince ||= now;
            this._pace();
            if (now - this._playedSince > STEADY_MS) {
                this.failures = 0;
            }
        } else if (signal !== null) {
            this._playedSince = 0;
        }
        this._signal(signal, REASONS[signal]);
    }

    _silenceMax() {
        const max = this.republishWait + SILENCE_SLACK_MS;
        return this.canSeek ? Math.max(max, RESUME_MAX_MS) : max;
    }

    _measure(now) {
        const { buffered } = this.video;
        const edge = buffered.length > 0 ? buffered.end(buffered.length - 1) : null;
        const decoded = this.video.getVideoPlaybackQuality?.().totalVideoFrames || 0;
        this._meter.note(now, edge, decoded);
    }

    // Keeps the distance to the live edge near its target.
    _pace() {
        const { video, latencyTarget } = this;
        // Data comes in batches: the mean of a second is what counts.
        this._ahead = [...this._ahead.slice(-3), this._bufferedAhead()];
        const mean = this._ahead.reduce((sum, ahead) => sum + ahead, 0) / this._ahead.length;
        const over = mean - latencyTarget;
        if (this._isCatchingUp && over <= 0) {
            this._isCatchingUp = false;
        }
        if (this.isBehind) {
            video.playbackRate = 1;
            return;
        }
        if (!this._isCatchingUp && over > PACE_JUMP && this._ahead.length > 3) {
            this._ahead = [];
            video.currentTime += over;
        }
        const wasFast = video.playbackRate > 1;
        const wasSlow = video.playbackRate < 1;
        let rate = 1;
        if (over > (wasFast ? 0 : PACE_SLACK)) {
            rate = PACE_FAST;
        } else if (over < (wasSlow ? 0 : -PACE_SLACK)) {
            rate = PACE_SLOW;
        }
        if (video.playbackRate !== rate) {
            video.playbackRate = rate;
        }
    }
}

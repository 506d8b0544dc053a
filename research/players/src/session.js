// One stream in one video element, kept playing: opens it, says in what state it is, measures it,
// and opens it again when it ends, fails or stands still. The page only shows what this reports.

import { createAudioPlayer } from './audio.js';
import { liveLoader } from './loader.js';
import { Meter } from './meter.js';
import { tsInfo } from './ts.js';

/** What a session can be in; the page has the words for it. */
export const State = Object.freeze({
    STOPPED: 'stopped',
    CONNECTING: 'connecting',
    WAITING: 'waiting', // the server holds the request until somebody publishes
    BUFFERING: 'buffering',
    PLAYING: 'playing',
    AWAY: 'away', // connected, but nothing comes
    BLOCKED: 'blocked', // the browser wants a click first
    MISSING: 'missing', // 404
    DENIED: 'denied', // 401, 403
    UNSUPPORTED: 'unsupported', // codec, browser
    RETRYING: 'retrying', // failed or ended; opens again in a moment
});

const TICK_MS = 250;
const WAITING_AFTER_MS = 1200; // no answer for so long: it waits for a publisher
const AWAY_AFTER_MS = 2500; // no data for so long: the publisher is away
const STALL_MS = 5000; // currentTime stands still for so long while data comes: reload
const DATA_IS_FRESH_MS = 2000;
const STEADY_MS = 5000; // played for so long: the next failure starts from the shortest wait
const RETRY_MS = [300, 1000, 2000, 4000, 8000];
const TYPES = { flv: 'flv', ts: 'mpegts' }; // formats in the library's words

// Beyond the target: the picture plays a little faster, unnoticed, until it is there again; far
// beyond, it jumps. Short of it, it plays slower until enough is buffered.
const PACE_SLACK = 0.35; // seconds
const PACE_JUMP = 1;
const PACE_FAST = 1.06;
const PACE_SLOW = 0.95;

function libraryConfig(target, customLoader) {
    return {
        isLive: true,
        enableStashBuffer: false,
        liveBufferLatencyChasing: true,
        liveBufferLatencyMaxLatency: target + PACE_JUMP,
        liveBufferLatencyMinRemain: target,
        lazyLoad: false,
        autoCleanupSourceBuffer: true,
        autoCleanupMaxBackwardDuration: 30,
        autoCleanupMinBackwardDuration: 15,
        customLoader,
    };
}

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
        this._wantsToPlay = false;
        this._meter = new Meter();
        this._ahead = []; // what was buffered at the last ticks
        video.addEventListener('error', () => this._onVideoError());
        video.addEventListener('playing', () => this._onPlaying());
        this._ticks = setInterval(() => this._tick(), TICK_MS);
    }

    get isRunning() {
        return this._wantsToPlay;
    }

    /** options: format, latency (the target, in seconds). */
    start(url, { format = 'flv', latency = 0.6 } = {}) {
        this.url = url;
        this.format = format;
        this.latencyTarget = latency;
        this.hasNoSocket = false;
        this.failures = 0;
        this.reloads = 0;
        this._wantsToPlay = true;
        this._open();
    }

    stop() {
        this._wantsToPlay = false;
        this._close();
        this._set(State.STOPPED);
    }

    /** The end: nothing can be played with it afterwards. */
    destroy() {
        this.stop();
        clearInterval(this._ticks);
    }

    /** Opens the same stream again at once. */
    retry() {
        if (this.url) {
            this._wantsToPlay = true;
            this._open();
        }
    }

    /** After a click: with sound, which the browser may have refused before. */
    unmute() {
        this.video.muted = false;
        this.isMutedByBrowser = false;
        this._play();
    }

    /** Skips what is buffered but for the last moment. */
    jumpToLive() {
        const { buffered } = this.video;
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
            status: this.status,
            currentTime: video.currentTime,
            format: this.format,
            buffer: this._bufferedAhead(),
            latency: this._latency(now),
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
            muted: video.muted,
        };
    }

    _set(state, reason = '') {
        if (this.state === state && this.reason === reason) {
            return;
        }
        this.state = state;
        this.reason = reason;
        this.dispatchEvent(new Event('change'));
    }

    _open() {
        this._close();
        const { mpegts, video } = this;
        if (TYPES[this.format] && !mpegts?.getFeatureList().mseLivePlayback) {
            this._set(State.UNSUPPORTED, 'this browser has no Media Source Extensions');
            return;
        }
        const now = performance.now();
        this.status = 0;
        this.mediaInfo = null;
        this._meter.reset();
        this._ahead = [];
        this._opened = now;
        this._isAnswered = false;
        this._lastTime = -1;
        this._lastProgress = now;
        this._playedSince = 0;
        this._refusal = null;
        this._set(State.CONNECTING);

        const observer = {
            onOpen: ({ status }) => this._onOpen(status),
            onData: (buffer) => this._onData(buffer),
            onRefused: (answer) => (this._refusal = answer),
            onNoSocket: () => (this.hasNoSocket = true),
        };
        const player = this._create(observer);
        this.player = player;
        const { Events } = mpegts;
        player.on(Events.ERROR, (type, detail, info) => {
            // Not from within the library's own call.
            setTimeout(() => player === this.player && this._onError(type, detail, info));
        });
        player.on(Events.LOADING_COMPLETE, () => {
            setTimeout(() => player === this.player && this._again('the stream ended'));
        });
        player.on(Events.MEDIA_INFO, (info) => {
            this.mediaInfo = info;
        });
        player.attachMediaElement(video);
        player.load();
        this._play();
    }

    _create(observer) {
        const { mpegts, format, url } = this;
        const loader = liveLoader(mpegts, observer);
        if (!TYPES[format]) {
            return createAudioPlayer(mpegts, { format, url, loader, observer });
        }
        const source = { type: TYPES[format], isLive: true, url };
        return mpegts.createPlayer(source, libraryConfig(this.latencyTarget, loader));
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
                this._set(State.BLOCKED);
                return;
            }
            video.muted = true;
            this.isMutedByBrowser = true;
            this.dispatchEvent(new Event('change'));
            await this._play();
        }
    }

    // Ends this attempt and opens the stream again after a while.
    _again(reason, state = State.RETRYING) {
        this._close();
        if (!this._wantsToPlay) {
            return;
        }
        const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
        const jittered = wait * (0.8 + 0.4 * Math.random());
        this.failures += 1;
        this.reloads += 1;
        this.retryAt = performance.now() + jittered;
        this._timer = setTimeout(() => this._open(), jittered);
        this._set(state, reason);
    }

    // What will not get better by itself.
    _giveUp(state, reason) {
        this._close();
        this._wantsToPlay = false;
        this._set(state, reason);
    }

    _onOpen(status) {
        this.status = status;
        this._isAnswered = true;
        this._opened = performance.now();
        if (this.state !== State.BLOCKED) {
            this._set(State.BUFFERING);
        }
    }

    _onData(buffer) {
        this._meter.onData(performance.now(), buffer.byteLength);
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
        const NOT_SUPPORTED = 9; // DOMException's code: the browser has no such decoder
        const text = String(info?.msg || info?.message || detail);
        const isCodec =
            detail === ErrorDetails.MEDIA_CODEC_UNSUPPORTED ||
            (detail === ErrorDetails.MEDIA_MSE_ERROR && info?.code === NOT_SUPPORTED);
        if (isCodec) {
            this._giveUp(State.UNSUPPORTED, text);
        } else if (this.hasNoSocket) {
            this._again('the server takes no WebSocket at this address');
        } else if (type === ErrorTypes.NETWORK_ERROR && !this._isAnswered) {
            this._again('the server cannot be reached');
        } else if (type === ErrorTypes.NETWORK_ERROR) {
            this._again('the connection broke');
        } else {
            this._again(text);
        }
    }

    _onRefused({ status, reason }) {
        this.status = status;
        if (status === 401 || status === 403) {
            this._giveUp(State.DENIED, reason);
        } else if (status === 404) {
            this._again(reason, State.MISSING);
        } else {
            this._again(`the server answered ${status}${reason ? `: ${reason}` : ''}`);
        }
    }

    _onVideoError() {
        if (this.player && this.video.error) {
            const NOT_SUPPORTED = 4; // or refused: an element does not tell which
            if (!this._isAnswered && this.video.error.code === NOT_SUPPORTED) {
                this._again('the stream could not be opened');
                return;
            }
            this._again(this.video.error.message || 'the picture could not be decoded');
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

    _tick() {
        if (this.player) {
            this._watch(performance.now());
        }
        this.dispatchEvent(new Event('tick'));
    }

    _watch(now) {
        const { video } = this;
        if (!this._isAnswered) {
            if (this.state === State.CONNECTING && now - this._opened > WAITING_AFTER_MS) {
                this._set(State.WAITING);
            }
            return;
        }
        this._measure(now);
        const { lastData } = this._meter;
        const isMoving = video.currentTime !== this._lastTime;
        if (isMoving) {
            this._lastTime = video.currentTime;
            this._lastProgress = now;
        }
        const silence = now - Math.max(lastData, this._opened);
        const stoodStill = now - this._lastProgress;
        if (this.state === State.BLOCKED && video.paused) {
            this._lastProgress = now;
        } else if (isMoving && video.readyState >= 2 && !video.paused) {
            this._set(State.PLAYING);
            this._playedSince ||= now;
            this._pace();
            if (now - this._playedSince > STEADY_MS) {
                this.failures = 0;
            }
        } else if (lastData === 0 && silence > WAITING_AFTER_MS) {
            this._set(State.WAITING); // a WebSocket is open before there is a stream
        } else if (silence > AWAY_AFTER_MS) {
            this._playedSince = 0;
            this._set(State.AWAY);
        } else if (document.hidden || video.paused) {
            this._lastProgress = now; // browsers halt what nobody sees
        } else if (stoodStill > STALL_MS && silence < DATA_IS_FRESH_MS) {
            this._again('the picture stood still');
        } else if (stoodStill > 1000) {
            this._playedSince = 0;
            this._set(State.BUFFERING);
        }
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
        if (over > PACE_JUMP && this._ahead.length > 3) {
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

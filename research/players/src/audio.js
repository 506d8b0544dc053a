// Plays .mp3 and .aac streams with the interface of mpegts.js's players, as far as a Session uses
// it. Through Media Source Extensions where the browser takes the format there, so that states,
// WebSocket and latency are the same as with pictures; else the element fetches for itself.

const KEEP_SECONDS = 30;
const QUEUE_MAX = 16 * 1024 * 1024; // bytes that wait for the browser
const QUOTA_EXCEEDED = 22; // DOMException's code
const TYPES = { mp3: 'audio/mpeg', aac: 'audio/aac' };
const CODECS = { mp3: 'mp3', aac: 'mp4a.40.2' };

class Emitter {
    constructor() {
        this._listeners = new Map();
    }

    on(name, listener) {
        this._listeners.set(name, listener);
    }

    emit(name, ...args) {
        this._listeners.get(name)?.(...args);
    }
}

class SourcePlayer extends Emitter {
    constructor(mpegts, { format, url, loader }) {
        super();
        this._mpegts = mpegts;
        this._format = format;
        this._url = url;
        this._queue = [];
        this._queued = 0;
        this._loader = new loader();
        this._loader.onDataArrival = (chunk) => this._take(chunk);
        this._loader.onComplete = () => this.emit(mpegts.Events.LOADING_COMPLETE);
        this._loader.onError = (detail, info) =>
            this.emit(mpegts.Events.ERROR, mpegts.ErrorTypes.NETWORK_ERROR, detail, info);
    }

    attachMediaElement(element) {
        const Source = window.ManagedMediaSource || window.MediaSource;
        this._element = element;
        this._source = new Source();
        this._source.addEventListener('sourceopen', () => this._open(), { once: true });
        element.disableRemotePlayback = true;
        this._objectUrl = URL.createObjectURL(this._source);
        element.src = this._objectUrl;
    }

    load() {
        this._loader.open({ url: this._url });
    }

    destroy() {
        this._loader.destroy();
        this._queue = [];
        this._queued = 0;
        this._buffer = null;
        if (this._element) {
            this._element.removeAttribute('src');
            this._element.load();
            URL.revokeObjectURL(this._objectUrl);
            this._element = null;
        }
    }

    _open() {
        if (!this._element) {
            return;
        }
        try {
            this._buffer = this._source.addSourceBuffer(TYPES[this._format]);
        } catch (error) {
            this._fail(error);
            return;
        }
        this._buffer.addEventListener('updateend', () => this._feed());
        this._feed();
    }

    _take(chunk) {
        if (!this._hasBegun) {
            this._hasBegun = true;
            this.emit(this._mpegts.Events.MEDIA_INFO, {
                hasVideo: false,
                hasAudio: true,
                audioCodec: CODECS[this._format],
            });
        }
        this._queue.push(chunk);
        this._queued += chunk.byteLength;
        this._feed();
        if (this._queued > QUEUE_MAX) {
            this._fail({ code: QUOTA_EXCEEDED, message: 'the browser’s buffer is full' });
        }
    }

    _fail({ code, message }) {
        const { Events, ErrorTypes, ErrorDetails } = this._mpegts;
        const info = { code, msg: message };
        this.emit(Events.ERROR, ErrorTypes.MEDIA_ERROR, ErrorDetails.MEDIA_MSE_ERROR, info);
    }

    // One operation at a time: first what is long over goes, then what has come is put in.
    _feed() {
        const { _buffer: buffer, _element: element } = this;
        if (!buffer || buffer.updating || this._source.readyState !== 'open') {
            return;
        }
        const start = buffer.buffered.length > 0 ? buffer.buffered.start(0) : 0;
        try {
            if (element.currentTime - start > 2 * KEEP_SECONDS) {
                buffer.remove(start, element.currentTime - KEEP_SECONDS);
            } else if (this._queue.length > 0) {
                buffer.appendBuffer(this._queue[0]);
                this._queued -= this._queue.shift().byteLength;
            }
        } catch (error) {
            this._fail(error);
        }
    }
}

class ElementPlayer extends Emitter {
    constructor(mpegts, { url, observer }) {
        super();
        this._mpegts = mpegts;
        this._url = url;
        this._observer = observer;
        this._ended = new AbortController();
    }

    attachMediaElement(element) {
        const { signal } = this._ended;
        this._element = element;
        const heard = () => this._observer.onData(new ArrayBuffer(0));
        element.addEventListener(
            'loadedmetadata',
            () => {
                this._observer.onOpen({ status: 200, url: this._url });
                this.emit(this._mpegts.Events.MEDIA_INFO, { hasVideo: false, hasAudio: true });
            },
            { signal },
        );
        element.addEventListener('progress', heard, { signal });
        element.addEventListener('timeupdate', heard, { signal });
        const over = () => this.emit(this._mpegts.Events.LOADING_COMPLETE);
        element.addEventListener('ended', over, { signal });
    }

    load() {
        this._element.src = this._url;
    }

    destroy() {
        this._ended.abort();
        this._element?.removeAttribute('src');
        this._element?.load();
        this._element = null;
    }
}

/** options: format ("mp3", "aac"), url, loader (a class of loader.js), observer (the same). */
export function createAudioPlayer(mpegts, options) {
    const Source = window.ManagedMediaSource || window.MediaSource;
    const isByElement = !Source?.isTypeSupported(TYPES[options.format]);
    if (!isByElement) {
        return new SourcePlayer(mpegts, options);
    }
    // No element speaks WebSocket; the same address by HTTP is the same stream.
    const url = options.url.replace(/^ws/, 'http');
    return new ElementPlayer(mpegts, { ...options, url });
}

// Pictures of streams: the newest keyframe, decoded by the browser. One stream at a time is opened,
// with mpegts.js in a hidden video, and closed after its first picture. For the server this is a
// viewer for a moment, so pictures can be turned off and are renewed rarely.

const RENEW_MS = 60000;
const PATIENCE_MS = 8000;
const WIDTH = 320;
const KEPT_MAX = 400;
const KEY = 'millrace-console-pictures';

/** Draws one picture of the stream to a canvas; throws if there is none in time. */
async function takePicture(url, canvas) {
    const video = document.createElement('video');
    const player = window.mpegts.createPlayer(
        { type: 'flv', isLive: true, url, hasAudio: false, cors: true },
        { enableStashBuffer: false, lazyLoad: false });

    window.mpegts.LoggingControl.enableAll = false; // a picture that is missing is no news
    video.muted = true;
    try {
        await new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error('no picture in time')), PATIENCE_MS);
            const end = (settle) => (value) => {
                clearTimeout(timer);
                settle(value);
            };

            // "loadeddata" comes before a picture is painted. WebKit does not call the callback for
            // a video that is not in the page.
            video.requestVideoFrameCallback?.(end(resolve));
            video.addEventListener('timeupdate', end(resolve), { once: true });
            video.addEventListener('error', end(() => reject(new Error('not decoded'))), { once: true });
            player.on(window.mpegts.Events.ERROR, end((kind) => reject(new Error(String(kind)))));
            player.attachMediaElement(video);
            player.load();
            video.play().catch(() => {}); // WebKit loads nothing before play()
        });
        canvas.width = WIDTH;
        canvas.height = Math.round((WIDTH * video.videoHeight) / (video.videoWidth || 1)) || 180;
        canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    } finally {
        player.destroy();
        video.removeAttribute('src');
    }
}

export class Pictures {
    /** urlOf(stream): the stream's HTTP-FLV address, or null. */
    constructor(urlOf) {
        this.urlOf = urlOf;
        this.kept = new Map(); // stream id → { canvas, at, isWanted }
        this.isBusy = false;
        this.isOn = localStorage.getItem(KEY) !== 'off';
        this.watched = new Map(); // element → stream
        this.sight = new IntersectionObserver((entries) => {
            for (const { target, isIntersecting } of entries) {
                target.toggleAttribute('data-visible', isIntersecting);
            }
            this.work();
        });
    }

    toggle() {
        this.isOn = !this.isOn;
        localStorage.setItem(KEY, this.isOn ? 'on' : 'off');
        for (const [frame] of this.watched) {
            frame.hidden = !this.isOn;
        }
        this.work();
    }

    /** The frame of a stream's card: gets the picture when it is visible. */
    watch(frame, stream) {
        const isNew = !this.watched.has(frame);

        this.watched.set(frame, stream);
        const known = this.kept.get(stream.id);

        frame.hidden = !this.isOn;
        frame.toggleAttribute('data-none', !stream.video || Boolean(known?.hasFailed));
        if (isNew) {
            this.sight.observe(frame);
            if (known?.canvas) {
                this.#show(frame, known.canvas);
            }
        }
    }

    #show(frame, canvas) {
        const own = frame.querySelector('canvas') || frame.appendChild(document.createElement('canvas'));

        own.width = canvas.width;
        own.height = canvas.height;
        own.getContext('2d').drawImage(canvas, 0, 0);
        frame.setAttribute('data-has', '');
    }

    #next(now) {
        for (const [frame, stream] of this.watched) {
            if (!frame.isConnected) {
                this.sight.unobserve(frame);
                this.watched.delete(frame);
                continue;
            }
            const isDue = now - (this.kept.get(stream.id)?.at ?? -Infinity) >= RENEW_MS;
            if (isDue && frame.hasAttribute('data-visible') && stream.publish?.active && stream.video) {
                return [frame, stream];
            }
        }
        return null;
    }

    /** Takes the pictures that are due, one after the other. */
    async work() {
        if (this.isBusy || !this.isOn || document.hidden || !window.mpegts?.isSupported()) {
            return;
        }
        this.isBusy = true;
        try {
            for (let due = this.#next(Date.now()); due && this.isOn; due = this.#next(Date.now())) {
                await this.#take(...due);
            }
        } finally {
            this.isBusy = false;
        }
    }

    async #take(frame, stream) {
        const url = this.urlOf(stream);
        const entry = this.kept.get(stream.id) || { canvas: null };
        const canvas = document.createElement('canvas');

        entry.at = Date.now();
        this.kept.set(stream.id, entry);
        if (this.kept.size > KEPT_MAX) {
            this.kept.delete(this.kept.keys().next().value);
        }
        if (!url) {
            return;
        }
        try {
            await takePicture(url, canvas);
            entry.canvas = canvas;
            entry.hasFailed = false;
            this.#show(frame, canvas);
        } catch {
            entry.hasFailed = true;
            frame.setAttribute('data-none', '');
        }
    }
}

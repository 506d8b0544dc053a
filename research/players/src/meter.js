// Measures a stream that plays: where the live edge is, how fast bytes and pictures come.

const RATE_WINDOW_MS = 4000;
const EDGE_WINDOW_MS = 15000;
const FRAME_SAMPLES = 12;

export class Meter {
    constructor() {
        this.bytes = 0;
        this.reset();
    }

    /** For a new connection: resets everything except the sum of bytes. */
    reset() {
        this.lastData = 0;
        this._edge = []; // [started at, least of (arrival - media time)]
        this._rate = []; // [time, bytes] of the last seconds
        this._frames = []; // [time, decoded frames] of the last seconds
    }

    onData(now, count) {
        this.lastData = now;
        this.bytes += count;
        this._rate.push([now, count]);
        while (now - this._rate[0][0] > RATE_WINDOW_MS) {
            this._rate.shift();
        }
    }

    /** mediaTime: the newest that is received; decoded: frames so far. */
    note(now, mediaTime, decoded) {
        if (mediaTime !== null) {
            const behind = now / 1000 - mediaTime;
            const last = this._edge.at(-1);
            if (last && now - last[0] < EDGE_WINDOW_MS) {
                last[1] = Math.min(last[1], behind);
            } else {
                this._edge = [...this._edge.slice(-1), [now, behind]];
            }
        }
        this._frames.push([now, decoded]);
        if (this._frames.length > FRAME_SAMPLES) {
            this._frames.shift();
        }
    }

    /**
     * Latency in seconds: how much older the shown picture is than the newest possible one. The
     * live edge advances with the clock between two pieces of data; its position is estimated from
     * the earliest arrival in the last seconds, which has the least delay by network and batching.
     */
    latency(now, currentTime) {
        if (this._edge.length === 0) {
            return null;
        }
        const least = Math.min(...this._edge.map(([, behind]) => behind));
        return Math.max(0, now / 1000 - least - currentTime);
    }

    /** Bits per second. */
    bitrate(now) {
        const recent = this._rate.filter(([at]) => now - at <= RATE_WINDOW_MS);
        if (recent.length < 2) {
            return 0;
        }
        // The first piece is the whole of a GOP at once, which is no rate.
        const bytes = recent.slice(1).reduce((sum, [, count]) => sum + count, 0);
        return (bytes * 8000) / Math.max(500, now - recent[0][0]);
    }

    framesPerSecond() {
        const first = this._frames[0];
        const last = this._frames.at(-1);
        return first && last[0] - first[0] > 900
            ? ((last[1] - first[1]) * 1000) / (last[0] - first[0])
            : 0;
    }
}

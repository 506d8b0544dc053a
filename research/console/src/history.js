// What the console remembers: counters of earlier answers become rates, and rates become curves.
// Pure: time is an argument. Bounded in streams and in points.

const POINTS = 150;
const STREAMS_MAX = 2000;

/** kbit/s between two values of a byte counter; null if the counter restarted or no time passed. */
export function kbpsBetween(bytes, bytesBefore, ms) {
    if (!(ms > 0) || !Number.isFinite(bytes) || !Number.isFinite(bytesBefore) || bytes < bytesBefore) {
        return null;
    }
    return ((bytes - bytesBefore) * 8) / ms;
}

class Curves {
    constructor() {
        this.points = { viewers: [], in: [], out: [], lag: [] };
    }

    /** A value of null, as after a restart, keeps the last one. */
    put(values) {
        for (const [name, points] of Object.entries(this.points)) {
            points.push(values[name] ?? points.at(-1) ?? 0);
            if (points.length > POINTS) {
                points.shift();
            }
        }
    }

    /** Counters of bytes, which become rates in kbit/s; at first, the server's own means. */
    add(sample, mean, now) {
        const { last } = this;
        const rate = (name) =>
            (last ? kbpsBetween(sample[name], last[name], now - last.at) : mean[name]);

        this.put({ viewers: sample.viewers, in: rate('received'), out: rate('sent') });
        this.last = { ...sample, at: now };
    }

    value(name) {
        return this.points[name].at(-1) ?? 0;
    }
}

/** Viewers of a stream: the API counts its publisher as a client. */
export function viewersOf(stream) {
    return Math.max(0, stream.clients - (stream.publish?.active ? 1 : 0));
}

export class History {
    constructor() {
        this.streams = new Map();
        this.total = new Curves();
    }

    /** One answer of the API: all streams; now in ms; lag: of all viewers in ms, null: unknown. */
    add(streams, now, lag = null) {
        const kept = new Map();
        const sum = { viewers: 0, in: 0, out: 0 };

        for (const stream of streams.slice(0, STREAMS_MAX)) {
            const curves = this.of(stream.id);

            curves.add({
                viewers: viewersOf(stream),
                received: stream.recv_bytes,
                sent: stream.send_bytes,
            }, { received: stream.kbps?.recv_30s, sent: stream.kbps?.send_30s }, now);
            kept.set(stream.id, curves);
            // Rates add up; a sum of counters would fall when a stream leaves.
            for (const name of Object.keys(sum)) {
                sum[name] += curves.value(name);
            }
        }
        this.streams = kept;
        this.total.put({ ...sum, lag });
    }

    of(id) {
        return this.streams.get(id) || new Curves();
    }
}

/** Points of an SVG line for values, in a box of width × height; '' without two values. */
export function linePoints(values, width, height, floor = 1) {
    if (values.length < 2) {
        return '';
    }
    const top = Math.max(floor, ...values) * 1.1;
    const step = width / (POINTS - 1);
    const left = width - step * (values.length - 1);

    return values
        .map((v, i) => `${(left + i * step).toFixed(1)},${(height - (v / top) * height).toFixed(1)}`)
        .join(' ');
}

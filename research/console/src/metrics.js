// The few values that the console takes from /metrics (Prometheus text format). Pure functions.

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** All samples, by name: arrays of { labels, value }. */
export function parseMetrics(text) {
    const found = new Map();

    for (const line of text.split('\n')) {
        const match = line.startsWith('#') ? null : LINE.exec(line);

        if (!match) {
            continue;
        }
        const labels = {};
        for (const [, name, value] of (match[2] || '').matchAll(LABEL)) {
            labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
        }
        if (!found.has(match[1])) {
            found.set(match[1], []);
        }
        found.get(match[1]).push({ labels, value: Number(match[3]) });
    }
    return found;
}

/** The sum of a metric's samples, or null if there are none. */
export function sumOf(metrics, name, wanted = {}) {
    const samples = (metrics.get(name) || []).filter(({ labels }) =>
        Object.entries(wanted).every(([key, value]) => labels[key] === value));

    return samples.length > 0 ? samples.reduce((sum, { value }) => sum + value, 0) : null;
}

/** The buckets of a histogram, summed over its samples: upper bound → observations up to it. */
export function bucketsOf(metrics, name, wanted = {}) {
    const buckets = new Map();

    for (const { labels, value } of metrics.get(`${name}_bucket`) || []) {
        if (Object.entries(wanted).every(([key, want]) => labels[key] === want)) {
            const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
            buckets.set(bound, (buckets.get(bound) || 0) + value);
        }
    }
    return buckets;
}

/** What was observed since an earlier reading; all of it if the server restarted in between. */
export function bucketsSince(now, before) {
    const hasFallen = [...now].some(([bound, count]) => count < (before.get(bound) || 0));

    return hasFallen ? now : new Map([...now].map(([bound, count]) => [bound, count - (before.get(bound) || 0)]));
}

/** A quantile (0 to 1), as Prometheus estimates it; null without observations. */
export function quantileOfBuckets(buckets, q) {
    const sorted = [...buckets].sort(([a], [b]) => a - b);
    const total = sorted.at(-1)?.[1] || 0;

    if (total === 0) {
        return null;
    }
    const rank = q * total;
    let below = 0;
    let from = 0;
    for (const [bound, count] of sorted) {
        if (count >= rank && count > below) {
            return bound === Infinity ? from : from + (bound - from) * ((rank - below) / (count - below));
        }
        below = count;
        from = bound;
    }
    return from;
}

/** The same of a metric by its name. */
export function quantileOf(metrics, name, q, wanted = {}) {
    return quantileOfBuckets(bucketsOf(metrics, name, wanted), q);
}

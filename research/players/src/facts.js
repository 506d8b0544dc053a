// What a stream's server tells of itself (/players/server.json), asked once for each server. Another
// server than ours, or an older one, gets the defaults.

import { factsUrl } from './address.js';
import { REPUBLISH_WAIT_MS } from './states.js';

const PATIENCE_MS = 4000;
const SERVERS_MAX = 64; // that are remembered
const RTMP_PORT = 1935;
const asked = new Map();

/** { rtmpPort, republishWait (ms), rewind (ms; 0: none), wantsReports } of an answer, whatever is in it. */
export function factsOf(answer) {
    const within = (value, most, fallback) =>
        Number.isInteger(value) && value > 0 && value <= most ? value : fallback;
    return {
        rtmpPort: within(answer?.rtmp_port, 65535, RTMP_PORT),
        republishWait: within(answer?.republish_wait_ms, 24 * 3600 * 1000, REPUBLISH_WAIT_MS),
        rewind: within(answer?.rewind_ms, 24 * 3600 * 1000, 0),
        wantsReports: answer?.qoe === true,
    };
}

async function fetchFacts(url) {
    try {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        const response = await fetch(url, { cache: 'no-store', signal });
        return factsOf(response.ok ? await response.json() : null);
    } catch {
        asked.delete(url); // perhaps the next time
        return factsOf(null);
    }
}

/** A promise of the facts of the server of an address. */
export function serverFacts(address) {
    const url = factsUrl(address);
    if (!asked.has(url)) {
        if (asked.size >= SERVERS_MAX) {
            asked.clear();
        }
        asked.set(url, fetchFacts(url));
    }
    return asked.get(url);
}

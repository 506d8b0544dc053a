// What a stream's server tells of itself (/players/server.json), asked once for each server. Another
// server than ours, or an older one, gets the defaults.

import { factsUrl } from './address.js';
import { ServerClock } from './stamps.js';
import { REPUBLISH_WAIT_MS } from './states.js';

const PATIENCE_MS = 4000;
const SERVERS_MAX = 64; // that are remembered
const RTMP_PORT = 1935;
const CLOCK_ASKS = 4; // of which the quickest answer counts
const CLOCK_EVERY_MS = 60000;
const asked = new Map();

/** The page's clock, in ms since 1970. */
export function pageTime() {
    return performance.timeOrigin + performance.now();
}

/** { rtmpPort, republishWait (ms), rewind (ms; 0: none), wantsReports, time (ms since 1970; 0: none) } of an answer, whatever is in it. */
export function factsOf(answer) {
    const within = (value, most, fallback) =>
        Number.isInteger(value) && value > 0 && value <= most ? value : fallback;
    return {
        rtmpPort: within(answer?.rtmp_port, 65535, RTMP_PORT),
        republishWait: within(answer?.republish_wait_ms, 24 * 3600 * 1000, REPUBLISH_WAIT_MS),
        rewind: within(answer?.rewind_ms, 24 * 3600 * 1000, 0),
        wantsReports: answer?.qoe === true,
        time: within(answer?.time_ms, Number.MAX_SAFE_INTEGER, 0),
    };
}

async function ask(url, clock) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const before = pageTime();
    const response = await fetch(url, { cache: 'no-store', signal });
    const after = pageTime();
    const facts = factsOf(response.ok ? await response.json() : null);
    if (facts.time > 0) {
        clock.note(before, after, facts.time);
    }
    return facts;
}

// Compares the clocks as long as the server tells its own, which it does where streams have time stamps.
async function keepClock(url, clock) {
    let isTold = true;
    try {
        for (let i = 0; i < CLOCK_ASKS && isTold; i++) {
            isTold = (await ask(url, clock)).time > 0;
        }
    } catch {
        // Perhaps the next time.
    }
    if (isTold && asked.has(url)) {
        clock.forget();
        setTimeout(() => keepClock(url, clock), CLOCK_EVERY_MS);
    }
}

async function fetchFacts(url) {
    const clock = new ServerClock();
    try {
        const facts = await ask(url, clock);
        if (facts.time > 0) {
            keepClock(url, clock);
        }
        return { ...facts, clock };
    } catch {
        asked.delete(url); // perhaps the next time
        return { ...factsOf(null), clock };
    }
}

/** A promise of the facts of the server of an address, and of its clock. */
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

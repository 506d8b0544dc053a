// The states of a session and the signals that lead from one to another, as a table: no DOM, no
// clock. Every state has an exit: a signal that comes by itself within a bounded time, or a button
// (words.js). The test walks the table and proves it.

/** What a session can be in; words.js has the text for it. */
export const State = Object.freeze({
    STOPPED: 'stopped',
    CONNECTING: 'connecting',
    WAITING: 'waiting', // the server holds the request until the stream is published
    BUFFERING: 'buffering',
    PLAYING: 'playing',
    INTERRUPTED: 'interrupted', // connected, but no data: the publisher is gone, perhaps for a moment
    BLOCKED: 'blocked', // the browser requires a click first
    PAUSED: 'paused', // by the browser or by a media key; data still arrives
    SUSPENDED: 'suspended', // not watched, and disconnected because of that
    MISSING: 'missing', // 404
    DENIED: 'denied', // 401, 403
    UNSUPPORTED: 'unsupported', // codec, browser
    RETRYING: 'retrying', // failed or ended; opens again in a moment
});

/** What can happen to a session. */
export const Signal = Object.freeze({
    OPEN: 'open', // the user, or another attempt without a wait
    STOP: 'stop', // the user
    SHOW: 'show', // the page is visible again
    DUE: 'due', // the wait before the next attempt is over
    BLOCK: 'block', // the browser refused to play without a click
    ANSWER: 'answer', // the server sent a response head
    SLOW: 'slow', // no data yet
    MOVE: 'move', // the picture moves
    STALL: 'stall', // it does not, although data arrives
    FROZEN: 'frozen', // the same for so long that it will not move again
    SILENT: 'silent', // no data for a while
    DEAD: 'dead', // no data for longer than a live connection can be silent
    PAUSE: 'pause', // the element was paused
    FULL: 'full', // the browser's buffer is full of what nobody watches; the library stopped reading
    END: 'end', // the response ended
    BREAK: 'break', // the connection, the decoder or the buffer failed
    MISS: 'miss', // 404
    DENY: 'deny', // 401, 403
    UNSUPPORTED: 'unsupported',
});

/** What a state means for the connection: entering NEW opens one, entering NONE closes it. */
export const Line = Object.freeze({ NEW: 'new', KEEP: 'keep', NONE: 'none' });

export const SILENT_AFTER_MS = 2500;
/** No data after an answer for longer than the server's republish_wait and this: dead. */
export const SILENCE_SLACK_MS = 5000;
export const REPUBLISH_WAIT_MS = 15000; // the server's default
/** A request that nothing answers is sent again: a connection may die while it waits. */
export const WAIT_MAX_MS = 60000;
const SLOW_AFTER_MS = 1200;
const STALL_AFTER_MS = 1000;
const FROZEN_AFTER_MS = 5000;
const DATA_IS_FRESH_MS = 2000;

const S = State;

// Every state: the user's two buttons, and none without effect.
const USER = { open: S.CONNECTING, stop: S.STOPPED };

// Every state with a connection: what may happen to that connection.
const CONNECTED = {
    ...USER,
    end: S.RETRYING,
    break: S.RETRYING,
    dead: S.RETRYING,
    miss: S.MISSING,
    deny: S.DENIED,
    unsupported: S.UNSUPPORTED,
    full: S.SUSPENDED,
};

// is* flags: isTimed: a timer sends DUE; isOver: the session wants nothing more by itself.
const TABLE = {
    [S.STOPPED]: { line: Line.NONE, isOver: true, on: USER },
    [S.CONNECTING]: {
        line: Line.NEW,
        on: {
            ...CONNECTED,
            answer: S.BUFFERING,
            slow: S.WAITING,
            move: S.PLAYING,
            block: S.BLOCKED,
        },
    },
    [S.WAITING]: {
        line: Line.KEEP,
        // Asking again costs nothing here, and no publisher shall be missed by a wait.
        on: {
            ...CONNECTED,
            dead: S.CONNECTING,
            answer: S.BUFFERING,
            stall: S.BUFFERING,
            move: S.PLAYING,
            silent: S.INTERRUPTED,
            frozen: S.RETRYING,
            pause: S.PAUSED,
            block: S.BLOCKED,
        },
    },
    [S.BUFFERING]: {
        line: Line.KEEP,
        on: {
            ...CONNECTED,
            slow: S.WAITING,
            move: S.PLAYING,
            silent: S.INTERRUPTED,
            frozen: S.RETRYING,
            pause: S.PAUSED,
            block: S.BLOCKED,
        },
    },
    [S.PLAYING]: {
        line: Line.KEEP,
        on: {
            ...CONNECTED,
            stall: S.BUFFERING,
            silent: S.INTERRUPTED,
            frozen: S.RETRYING,
            pause: S.PAUSED,
            block: S.BLOCKED,
        },
    },
    [S.INTERRUPTED]: {
        line: Line.KEEP,
        on: {
            ...CONNECTED,
            stall: S.BUFFERING,
            move: S.PLAYING,
            frozen: S.RETRYING,
            pause: S.PAUSED,
            block: S.BLOCKED,
        },
    },
    [S.BLOCKED]: { line: Line.KEEP, on: { ...CONNECTED, move: S.PLAYING } },
    [S.PAUSED]: {
        line: Line.KEEP,
        // Opening the stream again would play against the user's will.
        on: {
            ...CONNECTED,
            end: S.SUSPENDED,
            break: S.SUSPENDED,
            dead: S.SUSPENDED,
            move: S.PLAYING,
            stall: S.BUFFERING,
            silent: S.INTERRUPTED,
            block: S.BLOCKED,
        },
    },
    [S.SUSPENDED]: { line: Line.NONE, on: { ...USER, show: S.CONNECTING } },
    [S.MISSING]: { line: Line.NONE, isTimed: true, on: { ...USER, due: S.CONNECTING } },
    [S.RETRYING]: { line: Line.NONE, isTimed: true, on: { ...USER, due: S.CONNECTING } },
    [S.DENIED]: { line: Line.NONE, isOver: true, on: USER },
    [S.UNSUPPORTED]: { line: Line.NONE, isOver: true, on: USER },
};

/** The state after a signal; null when the signal means nothing in this state. */
export function nextState(state, signal) {
    return TABLE[state].on[signal] ?? null;
}

export function lineOf(state) {
    return TABLE[state].line;
}

/** Whether a timer leads out of the state. */
export function isTimed(state) {
    return Boolean(TABLE[state].isTimed);
}

/** Whether the session continues without the user. */
export function isRunning(state) {
    return !TABLE[state].isOver;
}

/**
 * What a look at an open connection means: a signal, or null. silence: since the last data, or
 * since the request; stoodStill: since the picture moved last; silenceMax: longer is dead (all ms).
 */
export function signalOf({ hasData, silence, silenceMax, isPaused, isMoving, isHidden, stoodStill }) {
    if (silence > silenceMax) {
        return Signal.DEAD;
    }
    if (!hasData) {
        return silence > SLOW_AFTER_MS ? Signal.SLOW : null;
    }
    if (isPaused) {
        return Signal.PAUSE;
    }
    if (isMoving) {
        return Signal.MOVE;
    }
    if (silence > SILENT_AFTER_MS) {
        return Signal.SILENT;
    }
    if (isHidden) {
        return null; // browsers halt what nobody sees
    }
    if (stoodStill > FROZEN_AFTER_MS && silence < DATA_IS_FRESH_MS) {
        return Signal.FROZEN;
    }
    return stoodStill > STALL_AFTER_MS ? Signal.STALL : null;
}

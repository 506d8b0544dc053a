// The table of states.js, walked: every state has an exit, whatever stays away.

import assert from 'node:assert/strict';
import test from 'node:test';

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
    State,
    WAIT_MAX_MS,
} from '../src/states.js';
import { audioName, isOfAudio, stateText } from '../src/words.js';

const STATES = Object.values(State);
const SIGNALS = Object.values(Signal);
const CONNECTED = STATES.filter((state) => lineOf(state) !== Line.NONE);
const TICK_MS = 250;
const LIMIT_MS = WAIT_MAX_MS + 5000;

const QUIET = {
    hasData: true,
    silence: 0,
    silenceMax: REPUBLISH_WAIT_MS + SILENCE_SLACK_MS,
    isPaused: false,
    isMoving: false,
    isHidden: false,
    stoodStill: 0,
};

function textOf(state) {
    return stateText({ state, reason: 'a reason', status: 403, retryAt: 0 });
}

// The states a session goes through while time passes and facts(ms) tells what there is to see.
function walk(start, facts) {
    const states = [start];
    for (let ms = 0; ms <= LIMIT_MS; ms += TICK_MS) {
        const last = states.at(-1);
        const signal = lineOf(last) === Line.NONE ? null : signalOf({ ...QUIET, ...facts(ms) });
        const next = nextState(last, signal);
        if (next !== null && next !== last) {
            states.push(next);
            if (lineOf(next) !== Line.KEEP) {
                break; // closed, or opened again
            }
        }
    }
    return states;
}

test('the table leads from states to states, and the user always gets through', () => {
    for (const state of STATES) {
        for (const signal of SIGNALS) {
            const next = nextState(state, signal);
            assert.ok(next === null || STATES.includes(next), `${state} ${signal}`);
        }
        assert.equal(nextState(state, Signal.OPEN), State.CONNECTING, state);
        assert.equal(nextState(state, Signal.STOP), State.STOPPED, state);
        assert.equal(nextState(state, null), null, state);
    }
});

test('a state without a connection has a timer or a button', () => {
    for (const state of STATES.filter((one) => lineOf(one) === Line.NONE)) {
        const text = textOf(state);
        if (isTimed(state)) {
            assert.equal(nextState(state, Signal.DUE), State.CONNECTING, state);
        } else {
            assert.ok(text.play || text.again, `${state} has no button`);
        }
        assert.ok(!isTimed(state) || isRunning(state), state);
    }
});

test('what waits for the page to be seen goes on when it is', () => {
    assert.equal(nextState(State.SUSPENDED, Signal.SHOW), State.CONNECTING);
    assert.ok(textOf(State.SUSPENDED).play);
    assert.ok(isRunning(State.SUSPENDED));
});

test('a connection that ends, breaks or is refused leaves no state behind', () => {
    for (const state of CONNECTED) {
        for (const signal of ['end', 'break', 'miss', 'deny', 'unsupported', 'full']) {
            const next = nextState(state, signal);
            assert.ok(next !== null && lineOf(next) === Line.NONE, `${state} ${signal}: ${next}`);
        }
    }
});

for (const isHidden of [false, true]) {
    for (const isPaused of [false, true]) {
        const where = `${isHidden ? 'hidden' : 'seen'}${isPaused ? ', paused' : ''}`;
        test(`a connection without a byte ends or opens again (${where})`, () => {
            for (const state of CONNECTED) {
                for (const hasData of [false, true]) {
                    const silenceMax = hasData ? QUIET.silenceMax : WAIT_MAX_MS;
                    const facts = (ms) => ({
                        ...{ hasData, isHidden, isPaused, silenceMax },
                        silence: ms,
                        stoodStill: ms,
                    });
                    const last = walk(state, facts).at(-1);
                    assert.notEqual(lineOf(last), Line.KEEP, `${state}, data ${hasData}: ${last}`);
                }
            }
        });
    }
}

test('a picture that stands still although data arrives is opened again', () => {
    for (const state of [State.WAITING, State.BUFFERING, State.PLAYING, State.INTERRUPTED]) {
        const states = walk(state, (ms) => ({ stoodStill: ms }));
        assert.equal(states.at(-1), State.RETRYING, states.join());
    }
});

test('a picture that nobody sees may stand still', () => {
    for (const state of [State.BUFFERING, State.PLAYING]) {
        assert.deepEqual(walk(state, (ms) => ({ isHidden: true, stoodStill: ms })), [state]);
    }
});

test('a publisher that returns within republish_wait finds the same connection', () => {
    const gone = REPUBLISH_WAIT_MS - 500;
    const states = walk(State.PLAYING, (ms) =>
        ms < gone ? { silence: ms, stoodStill: ms } : { isMoving: true });
    const { PLAYING, BUFFERING, INTERRUPTED } = State;
    assert.deepEqual(states, [PLAYING, BUFFERING, INTERRUPTED, PLAYING]);
});

test('silence is judged by the wait of the server', () => {
    const silent = { ...QUIET, silence: 40000 };
    assert.equal(signalOf(silent), Signal.DEAD);
    assert.equal(signalOf({ ...silent, silenceMax: 65000 }), Signal.SILENT);
});

test('a moving picture leads from every connected state to playing', () => {
    for (const state of CONNECTED) {
        const states = walk(state, () => ({ isMoving: true }));
        assert.equal(states.at(-1), State.PLAYING, states.join());
    }
});

test('every state is reached from stopped, and stopped from every state', () => {
    const reached = new Set([State.STOPPED]);
    for (const state of reached) {
        SIGNALS.map((signal) => nextState(state, signal))
            .filter((next) => next !== null)
            .forEach((next) => reached.add(next));
    }
    assert.deepEqual([...reached].sort(), [...STATES].sort());
});

test('every state but playing says something', () => {
    for (const state of STATES) {
        const text = textOf(state);
        assert.equal(text === null, state === State.PLAYING, state);
        assert.ok(!JSON.stringify(text).includes('{'.concat('reason}')), state);
    }
});

test('errors about the sound alone are told from others, with the codec', () => {
    const chrome = (type) =>
        `Failed to execute 'addSourceBuffer' on 'MediaSource': The type provided ('${type}') is unsupported.`;
    for (const [error, isAudio, name] of [
        ['Flv: Unsupported audio codec idx: 7', true, 'G.711 A-law'],
        ['Flv: Unsupported audio codec idx: 8', true, 'G.711 µ-law'],
        ['Flv: Unsupported audio codec idx: 11', true, 'Speex'],
        ['Flv: Unsupported audio codec: ac-3', true, 'ac-3'],
        [chrome('audio/mp4;codecs=ec-3'), true, 'ec-3'],
        [chrome('video/mp4;codecs=hvc1.1.6.L93'), false],
        ['Flv: Unsupported codec in video frame: 2', false],
        ['no such decoder', false],
    ]) {
        assert.equal(isOfAudio(error), isAudio, error);
        if (isAudio) {
            assert.equal(audioName(error), name, error);
        }
    }
});

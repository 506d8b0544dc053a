// True latency from made-up stamps and times.

import assert from 'node:assert/strict';
import test from 'node:test';

import { FlvResume } from '../src/resume.js';
import { readStamp, ServerClock, TrueLatency } from '../src/stamps.js';

function number(value) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    return [...bytes];
}

const text = (value) => [0, value.length, ...Buffer.from(value)];

function body(values) {
    const properties = Object.entries(values).flatMap(([key, value]) => [...text(key), 0, ...number(value)]);
    return Uint8Array.from([2, ...text('onMillraceTime'), 3, ...properties, 0, 0, 9]);
}

test('reads a time stamp', () => {
    assert.deepEqual(readStamp(body({ time: 1796083200123, pts: 4321 })),
        { time: 1796083200123, pts: 4321, encoder: null });
    assert.deepEqual(readStamp(body({ time: 2, pts: 0, encoder: 1, more: 3 })), { time: 2, pts: 0, encoder: 1 });
});

test('nothing else is one', () => {
    const whole = body({ time: 2, pts: 1 });
    for (let cut = 0; cut < whole.length - 3; cut++) {
        assert.equal(readStamp(whole.subarray(0, cut)), null);
    }
    for (const values of [{ time: NaN, pts: 1 }, { time: Infinity, pts: 1 }, { time: 1 }, { pts: 1 }, { time: 1, pts: -1 }]) {
        assert.equal(readStamp(body(values)), null);
    }
    assert.equal(readStamp(Uint8Array.from([2, ...text('onMetaData'), 3, 0, 0, 9])), null);
});

test('the quickest answer sets the clock', () => {
    const clock = new ServerClock();
    assert.equal(clock.offset, null);
    clock.note(1000, 1100, 5000);
    assert.equal(clock.offset, 3950);
    clock.note(2000, 2300, 9000);
    assert.equal(clock.offset, 3950);
    clock.note(3000, 3010, 7000);
    assert.equal(clock.offset, 3995);
    clock.forget();
    clock.note(4000, 4100, 8060);
    assert.equal(clock.offset, 4010);
});

test('the age of a picture', () => {
    const age = new TrueLatency();
    assert.equal(age.at(0, 1000), null);
    age.onFrame(9, 5000);
    age.onFrame(8, 4990); // the library's timeline begins here
    age.onFrame(9, 5040);
    assert.equal(age.at(0, 1000), null);
    age.onStamp({ time: 100000, pts: 5000, encoder: null });
    assert.deepEqual(age.at(0.51, 101000), { latency: 0.5, isEncoders: false });
    // The stream stood still for a second at the encoder: pictures after it are newer than they seem.
    age.onStamp({ time: 102000, pts: 6000, encoder: null });
    assert.deepEqual(age.at(1.01, 102300), { latency: 0.3, isEncoders: false });
    assert.deepEqual(age.at(1, 102300), { latency: 1.31, isEncoders: false });
});

test('the encoder’s clock counts if it can be right', () => {
    const age = new TrueLatency();
    age.onFrame(9, 0);
    age.onStamp({ time: 100000, pts: 0, encoder: 99800 });
    assert.deepEqual(age.at(0, 100300), { latency: 0.5, isEncoders: true });
    age.onStamp({ time: 101000, pts: 1000, encoder: 101001 });
    assert.deepEqual(age.at(1, 101300), { latency: 0.3, isEncoders: false });
    age.onStamp({ time: 102000, pts: 2000, encoder: 1000 });
    assert.deepEqual(age.at(2, 102300), { latency: 0.3, isEncoders: false });
});

test('stamps move with a resumed stream', () => {
    const tag = (type, time, data) => {
        const size = data.length;
        return [type, 0, size >> 8, size & 255, 0, time >> 8, time & 255, 0, 0, 0, 0, ...data, 0, 0, 0, 0];
    };
    const head = [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];
    const frames = [];
    const stamps = [];
    const filter = new FlvResume({
        onFrame: (type, time) => frames.push([type, time]),
        onStamp: (stamp) => stamps.push(stamp),
    });
    const key = [0x17, 1, 0, 0, 0, 1];
    filter.feed(Uint8Array.from([...head, ...tag(9, 7000, key), ...tag(18, 7000, body({ time: 1, pts: 7000 }))]));
    filter.reopen({ isMoved: true });
    filter.feed(Uint8Array.from([...head, ...tag(9, 100, key), ...tag(18, 100, body({ time: 2, pts: 180 }))]));
    assert.deepEqual(frames, [[9, 7000], [9, 7020]]);
    assert.deepEqual(stamps, [{ time: 1, pts: 7000, encoder: null }, { time: 2, pts: 7100, encoder: null }]);
});

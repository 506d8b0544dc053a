// Several responses to one: nothing twice, nothing missing, wherever they are cut.

import assert from 'node:assert/strict';
import test from 'node:test';

import { FlvResume, ResumeError, resumeUrl } from '../src/resume.js';

const HEAD = [0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0];

function tag(type, time, body) {
    const size = body.length;
    const total = size + 11;
    return [
        type, size >> 16, (size >> 8) & 255, size & 255,
        (time >>> 16) & 255, (time >>> 8) & 255, time & 255, time >>> 24, 0, 0, 0,
        ...body, total >>> 24, (total >> 16) & 255, (total >> 8) & 255, total & 255,
    ];
}

const video = (time, mark, isKey = false) => tag(9, time, [isKey ? 0x17 : 0x27, 1, 0, 0, 0, mark]);
const audio = (time, mark) => tag(8, time, [0xaf, 1, mark]);
const headers = (mark = 1) => [
    ...HEAD,
    ...tag(18, 0, [2, 0, 1, 65]),
    ...tag(9, 0, [0x17, 0, 0, 0, 0, mark]),
    ...tag(8, 0, [0xaf, 0, 0x12, 0x10]),
];

function frames(from, to) {
    const out = [];
    for (let i = from; i < to; i++) {
        out.push(...video(i * 40, i & 255, i % 10 === 0), ...audio(i * 40 + 10, i & 255));
    }
    return out;
}

function feedAll(filter, bytes, step = bytes.length) {
    const out = [];
    for (let at = 0; at < bytes.length; at += step) {
        out.push(...filter.feed(Uint8Array.from(bytes.slice(at, at + step))));
    }
    return out;
}

test('one response passes unchanged, however it is cut', () => {
    const whole = [...headers(), ...frames(0, 30)];
    for (const step of [1, 2, 7, 100, whole.length]) {
        assert.deepEqual(feedAll(new FlvResume(), whole, step), whole);
    }
});

test('a second response continues, wherever the first one was cut', () => {
    const whole = [...headers(), ...frames(0, 40)];
    for (let cut = headers().length + 20; cut < whole.length; cut += 17) {
        const filter = new FlvResume();
        const got = feedAll(filter, whole.slice(0, cut), 50);
        // The server begins at the keyframe at that time or before it.
        const from = Math.floor(filter.startPts / 400) * 10;
        filter.reopen();
        got.push(...feedAll(filter, [...headers(), ...frames(from, 40)], 33));
        assert.deepEqual(got, whole, `cut at ${cut}`);
    }
});

test('the start is the time of the track that has less, and never 0', () => {
    const filter = new FlvResume();
    feedAll(filter, [...headers(), ...video(0, 1, true)]);
    assert.equal(filter.startPts, 1);
    feedAll(filter, [...audio(5000, 1), ...video(4990, 2)]);
    assert.equal(filter.startPts, 4990);
});

test('timestamps wrap', () => {
    const filter = new FlvResume();
    feedAll(filter, [...headers(), ...video(0xfffffff0, 1, true), ...video(10, 2)]);
    assert.equal(filter.startPts, 10);
    filter.reopen();
    const next = video(50, 3);
    const again = [...headers(), ...video(0xfffffff0, 1, true), ...video(10, 2), ...next];
    assert.deepEqual(feedAll(filter, again), next);
});

test('another configuration or other tracks cannot be continued', () => {
    const filter = new FlvResume();
    feedAll(filter, [...headers(), ...frames(0, 10)]);
    filter.reopen();
    assert.throws(() => feedAll(filter, headers(2)), ResumeError);
    filter.reopen();
    assert.throws(() => feedAll(filter, [...HEAD.slice(0, 4), 1, ...HEAD.slice(5)]), ResumeError);
    filter.reopen();
    assert.throws(() => feedAll(filter, Array(20).fill(60)), ResumeError);
});

test('another timeline follows the last frame', () => {
    const filter = new FlvResume();
    feedAll(filter, [...headers(), ...frames(1000, 1010)]); // to 40,370 ms
    filter.reopen({ isMoved: true });
    const got = feedAll(filter, [...headers(), ...frames(0, 2)]);
    const moved = (bytes, time) => [
        ...bytes.slice(0, 4), (time >> 16) & 255, (time >> 8) & 255, time & 255, 0, ...bytes.slice(8),
    ];
    assert.deepEqual(got, [
        ...moved(video(0, 0, true), 40390), ...moved(audio(10, 0), 40400),
        ...moved(video(40, 1), 40430), ...moved(audio(50, 1), 40440),
    ]);
    // And it is continued by its own times.
    assert.equal(filter.startPts, 40);
    filter.reopen();
    assert.deepEqual(feedAll(filter, [...headers(), ...frames(0, 2)]), []);
});

test('the address', () => {
    assert.equal(resumeUrl('http://h/a.flv', 5), 'http://h/a.flv?startPts=5');
    assert.equal(resumeUrl('http://h/a.flv?k=v&startPts=1&start=-3', 5), 'http://h/a.flv?k=v&startPts=5');
    assert.equal(resumeUrl('http://h/a.flv?startPts=1', undefined), 'http://h/a.flv');
    assert.equal(resumeUrl('http://h/a.flv?a=b?c', -9), 'http://h/a.flv?a=b?c&startPts=-9');
});

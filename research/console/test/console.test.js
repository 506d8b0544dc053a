// node --test: the console's pure modules.

import assert from 'node:assert/strict';
import test from 'node:test';

import { apiBase } from '../src/api.js';
import { History, kbpsBetween, linePoints, viewersOf } from '../src/history.js';
import { bucketsOf, bucketsSince, parseMetrics, quantileOf, quantileOfBuckets, sumOf } from '../src/metrics.js';
import { bytesText, countText, durationText, percentText, rateText, videoText } from '../src/units.js';

const place = (search) => ({ protocol: 'https:', hostname: 'tv.example', search });

test('the API is at this page’s server or at another port of it', () => {
    assert.equal(apiBase(place('')), '');
    assert.equal(apiBase(place('?port=1985')), 'https://tv.example:1985');
    for (const search of ['?port=1985@evil.example', '?port=', '?port=99999999', '?server=evil.example']) {
        assert.equal(apiBase(place(search)), '');
    }
});

test('rates come from two values of a counter', () => {
    assert.equal(kbpsBetween(3000, 1000, 1000), 16);
    assert.equal(kbpsBetween(1000, 3000, 1000), null);
    assert.equal(kbpsBetween(3000, 1000, 0), null);
    assert.equal(kbpsBetween(undefined, 1000, 1000), null);
});

const stream = (id, received, sent, clients = 3) =>
    ({ id, recv_bytes: received, send_bytes: sent, clients, publish: { active: true } });

test('history adds up streams and forgets those that left', () => {
    const history = new History();

    history.add([stream('a', 0, 0), stream('b', 0, 0)], 0);
    history.add([stream('a', 1000, 4000), stream('b', 2000, 0)], 1000);
    assert.equal(history.of('a').value('out'), 32);
    assert.equal(history.total.value('in'), 24);
    assert.equal(history.total.value('viewers'), 4);
    history.add([stream('a', 2000, 8000)], 2000);
    assert.equal(history.streams.size, 1);
    assert.equal(history.total.value('in'), 8);
});

test('history keeps its last value when a counter restarts', () => {
    const history = new History();

    for (const [i, bytes] of [0, 1000, 10].entries()) {
        history.add([stream('a', bytes, 0)], i * 1000);
    }
    assert.equal(history.of('a').value('in'), 8);
});

test('history is bounded', () => {
    const history = new History();

    for (let i = 0; i < 1000; i++) {
        history.add([stream('a', i, i)], i);
    }
    assert.equal(history.of('a').points.viewers.length, 150);
    history.add(Array.from({ length: 5000 }, (_, i) => stream(String(i), 0, 0)), 2000);
    assert.equal(history.streams.size, 2000);
});

test('viewers are the clients without the publisher', () => {
    assert.equal(viewersOf({ clients: 3, publish: { active: true } }), 2);
    assert.equal(viewersOf({ clients: 3, publish: { active: false } }), 3);
    assert.equal(viewersOf({ clients: 0, publish: { active: true } }), 0);
});

test('a line has a point for each value and stays in its box', () => {
    assert.equal(linePoints([1], 300, 60), '');
    const points = linePoints([0, 10, 5], 300, 60).split(' ').map((p) => p.split(',').map(Number));
    assert.equal(points.length, 3);
    assert.equal(points[2][0], 300);
    assert.ok(points.every(([, y]) => y >= 0 && y <= 60));
});

const TEXT = `# HELP x_total y
# TYPE x_total counter
x_total{app="live",stream="a\\"b"} 3
x_total{app="live",stream="c"} 4
plain 1.5e3
h_bucket{le="0.1"} 10
h_bucket{le="1"} 90
h_bucket{le="+Inf"} 100
`;

test('metrics are parsed with their labels', () => {
    const metrics = parseMetrics(TEXT);

    assert.equal(sumOf(metrics, 'x_total'), 7);
    assert.equal(sumOf(metrics, 'x_total', { stream: 'a"b' }), 3);
    assert.equal(sumOf(metrics, 'plain'), 1500);
    assert.equal(sumOf(metrics, 'none'), null);
});

test('quantiles of a histogram', () => {
    const metrics = parseMetrics(TEXT);

    assert.equal(quantileOf(metrics, 'h', 0.05), 0.05);
    assert.ok(Math.abs(quantileOf(metrics, 'h', 0.5) - 0.55) < 1e-9);
    assert.equal(quantileOf(metrics, 'h', 0.99), 1);
    assert.equal(quantileOf(metrics, 'none', 0.5), null);
});

test('what a histogram observed since an earlier reading', () => {
    const before = new Map([[0.1, 10], [1, 90], [Infinity, 100]]);
    const now = bucketsOf(parseMetrics(TEXT.replace('90', '91').replace('100', '101')), 'h');

    assert.ok(quantileOfBuckets(bucketsSince(now, before), 0.5) > 0.1);
    assert.equal(quantileOfBuckets(bucketsSince(before, before), 0.5), null);
    assert.equal(quantileOfBuckets(bucketsSince(before, new Map([[0.1, 99]])), 0.05), 0.05, 'a restart');
});

test('numbers as text', () => {
    assert.equal(rateText(950), '950 kbit/s');
    assert.equal(rateText(4200), '4.2 Mbit/s');
    assert.equal(rateText(undefined), '–');
    assert.equal(bytesText(1500), '1.5 KB');
    assert.equal(durationText(3725), '1 h 2 min');
    assert.equal(percentText(0.02), '2.0 %');
    assert.equal(countText(1, 'viewer'), '1 viewer');
    assert.equal(countText(1200, 'viewer'), '1,200 viewers');
    assert.equal(videoText({ codec: 'H264', profile: 'High', level: '4', width: 1280, height: 720 }), 'H264 High 4 1280×720');
    assert.equal(videoText(null), 'no video');
});

'use strict';

const assert = require('node:assert');
const test = require('node:test');
require('../search.js');

const {load, find, words} = globalThis.millraceSearch;

load([
    ['edge.html#edges', 'Edges', 'Edges', 'An edge pulls a stream from its origin, once.'],
    ['edge.html#who', 'Edges', 'Who may watch', 'Rules apply at the edge. The origin is asked about each viewer.'],
    ['hls.html#hls', 'HLS', 'HLS', 'A playlist of segments. An origin cuts them.'],
    ['zh/edge.html#x', '边缘', '边缘', '边缘向源站回源一次，再服务所有观众。GOP 缓存'],
    ['zh/hls.html#x', 'HLS', '播放列表', '分片从关键帧开始。'],
]);

const addresses = (query) => find(query).map((hit) => hit.address);

test('all words must occur, in any case', () => {
    assert.deepStrictEqual(addresses('ORIGIN pulls'), ['edge.html#edges']);
    assert.deepStrictEqual(addresses('origin nothing'), []);
    assert.deepStrictEqual(addresses('   '), []);
});

test('a heading counts more than text', () => {
    assert.deepStrictEqual(addresses('edge').slice(0, 2), ['edge.html#edges', 'edge.html#who']);
});

test('Chinese is found inside of sentences, also beside Latin words', () => {
    assert.deepStrictEqual(addresses('回源'), ['zh/edge.html#x']);
    assert.deepStrictEqual(words('GOP缓存 关键帧'), ['gop', '缓存', '关键帧']);
    assert.deepStrictEqual(addresses('GOP缓存'), ['zh/edge.html#x']);
});

test('an excerpt is around the first word', () => {
    const [before, word, after] = find('playlist')[0].excerpt;
    assert.strictEqual(before + word + after, 'A playlist of segments. An origin cuts them.');
    assert.strictEqual(word, 'playlist');
});

test('characters of regular expressions are only characters', () => {
    assert.deepStrictEqual(addresses('(.*'), []);
});

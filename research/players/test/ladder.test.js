// The qualities of a ladder, from manifests of all kinds, and the addresses made of them.

import assert from 'node:assert/strict';
import test from 'node:test';

import { manifestUrl, qualityOf, streamUrl, withQuality } from '../src/address.js';
import { itemOf, qualitiesOf } from '../src/ladder.js';

const address = {
    schema: 'wss',
    server: 'host',
    port: '8088',
    vhost: '',
    app: 'live',
    stream: 'show_720.ts',
    extra: [['token', 'a'], ['quality', '720']],
};

test('names of a manifest', () => {
    const representation = [{ qualityTypeName: '720' }, { qualityTypeName: '360' }, { qualityTypeName: '360' }];
    assert.deepEqual(qualitiesOf({ adaptationSet: [{ representation }] }), ['720', '360']);
    for (const other of [null, 3, [], {}, { adaptationSet: {} }, { adaptationSet: [null, { representation: 3 }] },
        { adaptationSet: [{ representation: [null, {}, { qualityTypeName: 7 }] }] }]) {
        assert.deepEqual(qualitiesOf(other), []);
    }
});

test('addresses', () => {
    assert.equal(qualityOf(address), '720');
    assert.equal(qualityOf({ ...address, extra: [] }), '');
    assert.equal(streamUrl(withQuality(address, 'show', '360')), 'wss://host:8088/live/show.ts?token=a&quality=360');
    assert.equal(streamUrl(withQuality(address, 'show', 'auto')), 'wss://host:8088/live/show.flv?token=a&quality=auto');
    assert.equal(manifestUrl(address, 'show'), 'https://host:8088/live/show.las.json?token=a');
});

test('the item of a list', () => {
    const item = (name, ladder, app = 'live') => ({ url: `/${app}/${name}`, app, name, ladder: ladder && { name: ladder } });
    const streams = [item('other'), item('show_720', 'show'), item('show', 'show', 'tv')];
    assert.equal(itemOf({ streams }, address).own, streams[1]);
    const named = itemOf({ streams }, { ...address, stream: 'show.flv' });
    assert.equal(named.own, undefined);
    assert.equal(named.item, streams[1]);
    assert.equal(itemOf({ streams }, { ...address, stream: 'none.flv' }).item, undefined);
    assert.equal(itemOf(null, address).item, undefined);
});

// The quality ladder of a stream: which qualities the server has, for the page's menu. Asks the list of
// streams, which names the ladder of each rung, and the ladder's manifest.

import { addressFromList, isSameStream, listUrl, manifestUrl, nameOf } from './address.js';

const PATIENCE_MS = 4000;
const QUALITIES_MAX = 16;

async function ask(url) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(url, { cache: 'no-store', signal });
    return response.ok ? response.json() : null;
}

/** The names in a manifest's representations, whatever is in it, the best one first. */
export function qualitiesOf(manifest) {
    const sets = Array.isArray(manifest?.adaptationSet) ? manifest.adaptationSet : [];
    const rungs = sets.flatMap((set) => (Array.isArray(set?.representation) ? set.representation : []));
    const names = rungs
        .map((rung) => rung?.qualityTypeName)
        .filter((name) => typeof name === 'string' && name !== '');
    return [...new Set(names)].slice(0, QUALITIES_MAX);
}

/** The item of a list whose ladder the address belongs to, as a rung or by the ladder's name. */
export function itemOf(list, address) {
    const items = Array.isArray(list?.streams) ? list.streams : [];
    const own = items.find((item) => isSameStream(addressFromList(item, address), address));
    const name = nameOf(address);
    const isRung = (item) =>
        item?.ladder?.name === name && item.app === address.app && vhostOf(item, address) === address.vhost;
    return { own, item: own || items.find(isRung) };
}

function vhostOf(item, address) {
    return addressFromList(item, address).vhost;
}

/**
 * A promise of { name, qualities, quality (of the stream, if it is a rung; else ''), isOwn (the address is
 * the ladder's, where no stream is) }; null: there is none.
 */
export async function ladderOf(address) {
    try {
        const { own, item } = itemOf(await ask(listUrl(address)), address);
        if (!item?.ladder) {
            return null;
        }
        const name = String(item.ladder.name);
        const qualities = qualitiesOf(await ask(manifestUrl(address, name)));
        const quality = own ? String(item.ladder.quality) : '';
        return qualities.length > 0 ? { name, qualities, quality, isOwn: !own } : null;
    } catch {
        return null;
    }
}

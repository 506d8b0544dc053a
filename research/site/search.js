// The search: an index of sections, each [address, page, heading, text], and a query of words, all of
// which must occur. Chinese has no spaces between words: a run of its characters is looked for as it is.
(function (root) {
    'use strict';

    let sections = [];

    function load(list) {
        sections = list.map(([address, page, heading, text]) => ({
            address, page, heading, text,
            lowPage: page.toLowerCase(), lowHeading: heading.toLowerCase(), lowText: text.toLowerCase(),
        }));
    }

    // Words, and runs of Chinese characters between them.
    function words(query) {
        return query.toLowerCase().match(/[\u2e80-\u9fff\uf900-\ufaff]+|[^\s\u2e80-\u9fff\uf900-\ufaff]+/g) || [];
    }

    function count(text, word) {
        let n = 0;
        for (let at = text.indexOf(word); at >= 0 && n < 20; at = text.indexOf(word, at + word.length))
            n++;
        return n;
    }

    // How well a section answers; 0 when a word is missing.
    function score(section, list) {
        let sum = 0;
        for (const word of list) {
            const title = section.lowPage.includes(word), heading = section.lowHeading.includes(word);
            const often = count(section.lowText, word);
            if (!title && !heading && often === 0)
                return 0;
            sum += (heading ? 20 : 0) + (title ? 10 : 0) + Math.min(often, 8);
        }
        return sum;
    }

    // The text around the first word, as [before, word, after].
    function excerpt(section, list, width = 70) {
        for (const word of list) {
            const at = section.lowText.indexOf(word);
            if (at >= 0) {
                const from = Math.max(0, at - width), to = Math.min(section.text.length, at + word.length + width);
                return [(from > 0 ? '…' : '') + section.text.slice(from, at), section.text.slice(at, at + word.length),
                    section.text.slice(at + word.length, to) + (to < section.text.length ? '…' : '')];
            }
        }
        return [section.text.slice(0, 2 * width), '', ''];
    }

    function find(query, limit = 20) {
        const list = words(query);
        if (list.length === 0)
            return [];
        return sections
            .map((section) => ({section, points: score(section, list)}))
            .filter((hit) => hit.points > 0)
            .sort((a, b) => b.points - a.points)
            .slice(0, limit)
            .map(({section}) => ({
                address: section.address, page: section.page, heading: section.heading, excerpt: excerpt(section, list),
            }));
    }

    root.millraceSearch = {load, find, words};
})(globalThis);

// Small helpers to build the page. Text is always set as text, never as HTML.

/** An element: el('td', { class: 'n' }, 'text', child). Properties that begin with "on" are listeners. */
export function el(tag, properties = {}, ...children) {
    const node = document.createElement(tag);

    for (const [name, value] of Object.entries(properties)) {
        if (name.startsWith('on')) {
            node.addEventListener(name.slice(2), value);
        } else if (value !== undefined && value !== null && value !== false) {
            node.setAttribute(name, value === true ? '' : value);
        }
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
}

/** Sets the text only if it differs: screen readers announce changes. */
export function setText(node, text) {
    if (node.textContent !== text) {
        node.textContent = text;
    }
}

/**
 * Makes the children of a list match its items. Rows of earlier items are kept, so a click or the
 * keyboard's focus is not lost.
 */
export function fillList(list, items, make, update) {
    const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
    const wanted = items.map((item) => {
        const row = rows.get(String(item.id)) || make(item);

        row.dataset.id = item.id;
        update(row, item);
        return row;
    });

    if (rows.size !== wanted.length || wanted.some((row, i) => list.children[i] !== row)) {
        list.replaceChildren(...wanted);
    }
}

const SVG = 'http://www.w3.org/2000/svg';

/** A curve: an SVG with a line and the area under it. drawCurve() sets its values. */
export function curve(label) {
    const svg = document.createElementNS(SVG, 'svg');

    svg.setAttribute('class', 'curve');
    svg.setAttribute('viewBox', '0 0 300 60');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    for (const tag of ['polygon', 'polyline']) {
        svg.append(document.createElementNS(SVG, tag));
    }
    return svg;
}

export function drawCurve(svg, points) {
    const first = points.split(',')[0] || '0';

    svg.lastChild.setAttribute('points', points);
    svg.firstChild.setAttribute('points', points ? `${first},60 ${points} 300,60` : '');
}

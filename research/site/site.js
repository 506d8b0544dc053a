// The page: the search field, the contents on small screens, buttons that copy commands.
'use strict';

const page = document.documentElement.dataset;
const query = document.getElementById('query'), results = document.getElementById('results');
let loading = null, chosen = -1;

// The index is loaded when it is needed first. A script works from a disk, too, where fetch does not.
function loadIndex() {
    loading = loading || new Promise((done) => {
        const script = document.createElement('script');
        script.src = query.dataset.index;
        script.onload = done;
        document.head.append(script);
    });
    return loading;
}

function element(name, text, className) {
    const node = document.createElement(name);
    node.textContent = text;
    if (className)
        node.className = className;
    return node;
}

function hitNode(hit) {
    const item = document.createElement('li'), link = document.createElement('a');
    link.href = page.top + hit.address;
    link.append(element('b', hit.page === hit.heading ? hit.page : `${hit.page} › ${hit.heading}`));
    const text = document.createElement('span');
    text.append(hit.excerpt[0], element('mark', hit.excerpt[1]), hit.excerpt[2]);
    link.append(text);
    item.append(link);
    return item;
}

function choose(index) {
    const links = results.querySelectorAll('a');
    if (links.length === 0)
        return;
    chosen = (index + links.length) % links.length;
    links.forEach((link, i) => link.classList.toggle('chosen', i === chosen));
    links[chosen].scrollIntoView({block: 'nearest'});
}

async function search() {
    const text = query.value;
    if (text.trim() === '') {
        results.hidden = true;
        return;
    }
    await loadIndex();
    if (text !== query.value)
        return;
    const hits = globalThis.millraceSearch.find(text);
    results.replaceChildren(...hits.map(hitNode));
    if (hits.length === 0)
        results.append(element('li', page.none, 'none'));
    results.hidden = false;
    chosen = -1;
}

query.addEventListener('focus', loadIndex);
query.addEventListener('input', search);
query.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Enter') {
        const links = results.querySelectorAll('a');
        if (links.length > 0)
            links[Math.max(chosen, 0)].click();
    } else if (event.key === 'Escape') {
        results.hidden = true;
        query.blur();
    }
});
document.addEventListener('click', (event) => {
    if (!event.target.closest('.search') || event.target.closest('#results a'))
        results.hidden = true;
});
document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement === document.body) {
        event.preventDefault();
        query.focus();
    }
});

document.getElementById('menu').addEventListener('click', () => document.body.classList.toggle('open'));
const here = document.querySelector('nav .here');
if (here)
    here.scrollIntoView({block: 'center'});

for (const block of document.querySelectorAll('main pre')) {
    const button = element('button', page.copy, 'copy');
    button.type = 'button';
    button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(block.querySelector('code').textContent);
        button.textContent = page.copied;
        setTimeout(() => { button.textContent = page.copy; }, 1500);
    });
    block.append(button);
}

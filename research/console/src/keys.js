// Keyboard shortcuts; index.html lists them.

function chosenIndex(entries) {
    return entries.findIndex((entry) => entry.hasAttribute('data-chosen'));
}

function choose(step) {
    const entries = [...document.querySelectorAll('#view [data-entry]')];
    const index = chosenIndex(entries);

    if (entries.length === 0) {
        return;
    }
    entries[index]?.removeAttribute('data-chosen');
    const next = entries[Math.min(entries.length - 1, Math.max(0, index + step))];
    next.setAttribute('data-chosen', '');
    next.scrollIntoView({ block: 'nearest' });
}

const actions = {
    1: () => { location.hash = '#/streams'; },
    2: () => { location.hash = '#/clients'; },
    3: () => { location.hash = '#/server'; },
    4: () => { location.hash = '#/config'; },
    '/': () => document.querySelector('#view input[type="search"]')?.focus(),
    j: () => choose(1),
    k: () => choose(-1),
    Enter: () => {
        const address = document.querySelector('#view [data-chosen]')?.dataset.entry;
        if (address) {
            location.hash = address;
        }
    },
    Escape: () => { location.hash = location.hash.split('/').slice(0, 2).join('/') || '#/streams'; },
    p: (app) => app.view?.togglePictures?.(),
    '?': () => document.getElementById('keys').showModal(),
};

export function bindKeys(app) {
    document.getElementById('show-keys').addEventListener('click', () => actions['?'](app));
    document.addEventListener('keydown', (event) => {
        const isTyping = event.target.matches('input, select, textarea');
        const isDialog = document.querySelector('dialog[open]') !== null;

        if (event.ctrlKey || event.metaKey || event.altKey || isDialog) {
            return;
        }
        if (isTyping && event.key === 'Escape') {
            event.target.blur();
            return;
        }
        if (isTyping || (event.key === 'Enter' && event.target.matches('a, button'))) {
            return;
        }
        const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
        if (action) {
            event.preventDefault();
            action(app);
        }
    });
}

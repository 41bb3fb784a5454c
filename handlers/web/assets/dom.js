// Elements are made here and nowhere else. Whatever comes from the server
// becomes a text node, so it can never turn into markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element. Properties: `class`, `on` (listeners by event name),
 * `data` (data attributes), booleans and strings as attributes; null, undefined
 * and false are left out. Children: nodes, texts, and lists of them.
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Makes an SVG element, as `h` does. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === 'data') {
      Object.assign(element.dataset, value);
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/**
 * Makes the children of `parent` be exactly `wanted`, in that order, and
 * touches only those that are out of place.
 */
export function arrange(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let place = parent.firstElementChild;
  for (const child of wanted) {
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

/**
 * Rows kept by key: one that looks the same as before stays the element it
 * was, with its focus and scroll position.
 */
export class Rows {
  #rows = new Map();

  /** Returns the element of `key`, made anew if `signature` has changed. */
  get(key, signature, make) {
    const row = this.#rows.get(key);
    if (row?.signature === signature) return row.element;
    const element = make();
    if (row?.element.contains(document.activeElement)) queueMicrotask(() => element.focus());
    this.#rows.set(key, { signature, element });
    return element;
  }

  element(key) {
    return this.#rows.get(key)?.element;
  }

  /** Forgets every row whose key is not among `keys`. */
  keepOnly(keys) {
    for (const key of this.#rows.keys()) if (!keys.has(key)) this.#rows.delete(key);
  }
}

/** Says a sentence to those who listen to the page. */
export function announce(sentence) {
  document.getElementById('announcer').textContent = sentence;
}

/** Runs `work` once per frame however often it is called. */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** A button; `label` is its name, `content` what it shows if that differs. */
export function button(label, { content = label, kind = '', onClick, ...props } = {}) {
  return h('button', {
    type: 'button',
    class: `button ${kind}`.trim(),
    'aria-label': content === label ? null : label,
    title: content === label ? null : label,
    on: onClick ? { click: onClick } : undefined,
    ...props,
  }, content);
}

/** The sentence and the way out when something could not be loaded. */
export function failure(error, retry) {
  return h('div', { class: 'failure', role: 'alert' },
    h('p', { class: 'failure-title' }, error.title),
    error.detail ? h('p', {}, error.detail) : null,
    retry ? button('Try again', { onClick: retry }) : null);
}

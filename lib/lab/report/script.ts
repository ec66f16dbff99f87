/** What the page can do beyond being read; all of it stays readable where scripts are off. */
export const SCRIPT = `
'use strict';
const root = document.documentElement;
const dark = () =>
  root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
const toggle = document.getElementById('theme');
const label = () => { toggle.textContent = dark() ? 'Light page' : 'Dark page'; };
toggle.hidden = false;
toggle.addEventListener('click', () => { root.dataset.theme = dark() ? 'light' : 'dark'; label(); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', label);
label();

// The figure alone, with its title, legend and colours: variables of the page mean nothing elsewhere.
function standalone(figure) {
  const plot = figure.querySelector('.plot svg');
  const [, , width, height] = plot.getAttribute('viewBox').split(' ').map(Number);
  const entries = [...figure.querySelectorAll('.legend li')];
  const head = 34 + (entries.length > 0 ? 24 * Math.ceil(entries.length / 2) : 0);
  const color = (text) => text.replace(/var\\((--[\\w-]+)\\)/g, (_, name) => getComputedStyle(root).getPropertyValue(name).trim());
  const ink = color('var(--ink)');
  const escape = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
  const legend = entries.map((entry, i) => {
    const x = 16 + (i % 2) * width / 2, y = 42 + 24 * Math.floor(i / 2);
    return '<svg x="' + x + '" y="' + y + '" width="14" height="14" viewBox="-8 -8 16 16" overflow="visible">' +
      entry.querySelector('svg').innerHTML + '</svg><text x="' + (x + 22) + '" y="' + (y + 12) + '">' +
      escape(entry.textContent.trim()) + '</text>';
  }).join('');
  const inner = plot.cloneNode(true);
  inner.setAttribute('y', head);
  inner.setAttribute('width', width);
  inner.setAttribute('height', height);
  inner.style.overflow = 'visible';
  const text = '<svg xmlns="http://www.w3.org/2000/svg" width="' + width + '" height="' + (height + head) + '" viewBox="0 0 ' +
    width + ' ' + (height + head) + '" font-family="system-ui, sans-serif" font-size="13" fill="' + ink + '" color="' + ink + '">' +
    '<rect width="100%" height="100%" fill="' + color('var(--page)') + '"/><text x="16" y="24" font-size="16" font-weight="600">' +
    escape(figure.querySelector('h3').textContent) + '</text>' + legend + new XMLSerializer().serializeToString(inner) + '</svg>';
  return { text: color(text), width, height: height + head };
}
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
function savePng({ text, width, height }, name) {
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, name), 'image/png');
  };
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text);
}
for (const figure of document.querySelectorAll('figure')) {
  const tools = figure.querySelector('.tools');
  if (!tools) continue;
  tools.hidden = false;
  tools.querySelector('[data-kind=svg]').addEventListener('click', () =>
    save(new Blob([standalone(figure).text], { type: 'image/svg+xml' }), figure.id + '.svg'));
  tools.querySelector('[data-kind=png]').addEventListener('click', () => savePng(standalone(figure), figure.id + '.png'));
}
let closed = [];
addEventListener('beforeprint', () => {
  closed = [...document.querySelectorAll('details:not([open])')];
  for (const details of closed) details.open = true;
});
addEventListener('afterprint', () => { for (const details of closed) details.open = false; });
`;

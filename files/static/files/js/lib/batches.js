// Small files, many in one request: which ones go together, and how much of each has been sent.

export const SMALL = 2 ** 20; // bytes; larger files can be gone on with, and go by themselves
const FILES = 200;
const BYTES = 8 * 2 ** 20;

// Take files that go together from the front of a list: the same folder and choice of names, and
// no path twice, since a refusal names the file by its path.
export function takeBatch(waiting, { files = FILES, bytes = BYTES } = {}) {
  const [first] = waiting;
  const paths = new Set();
  let size = 0;
  let count = 0;
  for (const item of waiting) {
    size += item.size;
    const fits = count < files && (count === 0 || size <= bytes);
    const belongs = item.folder === first.folder && item.clash === first.clash;
    if (!fits || !belongs || paths.has(item.path)) break;
    paths.add(item.path);
    count += 1;
  }
  return waiting.splice(0, count);
}

export function halves(items) {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

// Files go in their order: give out what was sent of the whole body to them.
export function spread(items, sent) {
  return items.map(({ size }) => {
    const part = Math.min(size, Math.max(0, sent));
    sent -= size;
    return part;
  });
}

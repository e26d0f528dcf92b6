// What was chosen or dropped, as a list of files with their paths, and of folders with nothing in
// them. Bounded: a whole disk may be dropped by mistake.

export const LIMIT = 100_000; // files and folders

export class TooManyError extends Error {}

// An input for files gives no folders that are empty; only what is dropped tells of them.
export async function fromInput(input) {
  if (input.files.length > LIMIT) throw new TooManyError();
  const files = Array.from(input.files, (file) => ({
    path: file.webkitRelativePath || file.name,
    file,
  }));
  return { files, folders: [] };
}

// To be called while the drop is handled: afterwards a browser forgets what was dropped.
export function fromDrop(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const dropped = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return walk(dropped.filter(Boolean));
}

async function walk(dropped) {
  const found = { files: [], folders: [] };
  const pending = [];
  const take = (path, entry) => {
    if (entry instanceof File) found.files.push({ path, file: entry });
    else pending.push({ path, entry });
    if (found.files.length + found.folders.length + pending.length > LIMIT) throw new TooManyError();
  };
  for (const entry of dropped) take(entry.name, entry);
  while (pending.length) {
    // Some at once: to ask for one file after the other takes long.
    const some = pending.splice(0, 100);
    const opened = await Promise.all(some.map(({ entry }) => open(entry)));
    for (const [index, { path }] of some.entries()) {
      const inside = opened[index];
      if (inside instanceof File) found.files.push({ path, file: inside });
      else if (inside.length === 0) found.folders.push(path);
      else for (const entry of inside) take(`${path}/${entry.name}`, entry);
    }
  }
  return found;
}

// Give the file of an entry, or the entries in it.
async function open(entry) {
  if (entry.isFile) return new Promise((resolve, reject) => entry.file(resolve, reject));
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return entries;
    entries.push(...some);
    if (entries.length > LIMIT) throw new TooManyError();
  }
}

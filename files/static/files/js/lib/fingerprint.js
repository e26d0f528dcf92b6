// Which upload a file that is chosen again belongs to. A file is the same if it has the same place,
// size and time of change; with another size or time it has been changed, and is started over.

import { Fault } from "./faults.js";

export function placeOf({ folder, path }) {
  return JSON.stringify([Number(folder), path]);
}

export function fingerprintOf({ folder, path, size, modified }) {
  return JSON.stringify([Number(folder), path, size, modified]);
}

// What the server tells of an unfinished upload, as a record of ours. One that does not say when its
// file was changed can be matched to nothing: half of it might be of another content.
export function recordOf(told) {
  return {
    id: told.id,
    url: told.url,
    folder: Number(told.folder),
    path: told.path,
    size: told.length,
    modified: told.modified_at ? Date.parse(told.modified_at) : null,
    offset: told.offset,
  };
}

export class Known {
  #byPlace = new Map();

  // Later ones take the place of earlier ones.
  add(record) {
    if (record.folder && record.path) this.#byPlace.set(placeOf(record), record);
  }

  remove(record) {
    const place = placeOf(record);
    if (this.#byPlace.get(place)?.url === record.url) this.#byPlace.delete(place);
  }

  // The upload to go on with, or the one that is of no use any more since the file was changed.
  find(file) {
    const record = this.#byPlace.get(placeOf(file));
    if (!record) return {};
    return fingerprintOf(record) === fingerprintOf(file) ? { same: record } : { changed: record };
  }

  *[Symbol.iterator]() {
    yield* this.#byPlace.values();
  }
}

// Make sure that a file can still be read as it was chosen: it may be changed, moved or deleted
// since. A browser that cannot read it says no more than that the request failed.
export async function requireReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Fault("refuse", { code: "file-unreadable" });
  }
}

// The uploads that this browser has begun, by the files they are of: it may be closed and opened
// again. A convenience only: what is not found here is found by asking the server, or begun anew.

const KEPT = 7 * 86_400_000; // ms; the server forgets them too
const MOST = 1000;

export class Store {
  #prefix;
  #storage;
  #clock;

  constructor(user, { storage = localStorageOrNone(), clock = Date.now } = {}) {
    this.#prefix = `strongroom:upload:${user}:`;
    this.#storage = storage;
    this.#clock = clock;
  }

  save(record) {
    const value = JSON.stringify({ ...record, at: this.#clock() });
    try {
      this.#storage?.setItem(this.#prefix + record.url, value);
    } catch {
      // It is full, or may not be used.
    }
  }

  remove(record) {
    this.#storage?.removeItem(this.#prefix + record.url);
  }

  // Give what there is, oldest first, and forget what is too old or too much.
  all() {
    const keys = Array.from({ length: this.#storage?.length ?? 0 }, (_, n) => this.#storage.key(n));
    const found = [];
    for (const key of keys.filter((key) => key?.startsWith(this.#prefix))) {
      const record = parsed(this.#storage.getItem(key));
      if (record && record.at > this.#clock() - KEPT) found.push(record);
      else this.#storage.removeItem(key);
    }
    found.sort((one, other) => one.at - other.at);
    for (const record of found.splice(0, Math.max(0, found.length - MOST))) this.remove(record);
    return found;
  }
}

function parsed(text) {
  try {
    const record = JSON.parse(text);
    return typeof record?.url === "string" && record.path ? record : null;
  } catch {
    return null;
  }
}

function localStorageOrNone() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // the reader allows no storage
  }
}

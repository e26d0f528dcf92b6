// How many bytes one request carries: less where a proxy refuses it or the line is slow, more where
// it is fast. One for all uploads of a page: they share the way.

const MIB = 2 ** 20;
const SMALLEST = 64 * 1024; // what any proxy lets through
const SLOWEST = MIB; // not less because of the time alone
const LARGEST = 256 * MIB;
const FAST = 2_000; // ms
const SLOW = 45_000; // proxies that collect a body before they pass it on give up after a minute

export class ChunkSize {
  #ceiling = LARGEST;

  constructor(size = 64 * MIB) {
    this.size = size;
  }

  // Take note of a 413 from a proxy; tells whether a smaller body is worth a try.
  refused(size) {
    if (size <= SMALLEST) return false;
    this.#ceiling = Math.min(this.#ceiling, Math.max(SMALLEST, Math.floor(size / 2)));
    this.size = Math.min(this.size, this.#ceiling);
    return true;
  }

  // Take note of how long a body of a size took. The short rest of a file tells nothing.
  sent(size, ms) {
    if (size < this.size) return;
    if (ms < FAST) this.size = Math.min(this.#ceiling, size * 2);
    else if (ms > SLOW) this.size = Math.max(Math.min(SLOWEST, this.#ceiling), Math.floor(size / 2));
  }
}

// Speed over the last seconds, and the time that is left by it.

const WINDOW = 10_000; // ms
const ENOUGH = 1_000; // ms that a speed is told after

export class Meter {
  #samples = []; // [at in ms, bytes sent until then]

  // Bytes may fall: what was sent and did not arrive is taken back, and the window begins anew.
  add(at, bytes) {
    const last = this.#samples.at(-1);
    if (last && bytes < last[1]) this.#samples = [];
    this.#samples.push([at, bytes]);
    // One sample from before the window stays, to measure from.
    while (this.#samples.length > 2 && this.#samples[1][0] <= at - WINDOW) this.#samples.shift();
  }

  reset() {
    this.#samples = [];
  }

  // Bytes a second; null where it is too early to tell.
  get speed() {
    if (this.#samples.length < 2) return null;
    const [[from, before], [until, after]] = [this.#samples[0], this.#samples.at(-1)];
    return until - from < ENOUGH ? null : ((after - before) * 1000) / (until - from);
  }

  // Seconds for so many bytes more; null where nothing moves.
  left(bytes) {
    const { speed } = this;
    return speed ? bytes / speed : null;
  }
}

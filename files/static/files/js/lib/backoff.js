// Waiting before the next try: twice as long each time, spread by chance, and cut short by a wake.

const FIRST = 1000; // ms
const LAST = 30_000;

export function delayOf(attempt, { random = Math.random, retryAfter = 0 } = {}) {
  const ceiling = Math.min(LAST, FIRST * 2 ** attempt);
  return Math.max(retryAfter, Math.round(ceiling * (0.5 + random() / 2)));
}

export class Waiting {
  #wakes = new Set();

  // Ends after a time or when somebody wakes it; rejects as soon as the signal aborts.
  wait(ms, signal) {
    return new Promise((resolve, reject) => {
      const end = (settle) => () => {
        clearTimeout(timer);
        this.#wakes.delete(wake);
        signal?.removeEventListener("abort", stop);
        settle(signal?.reason);
      };
      const wake = end(resolve);
      const stop = end(reject);
      const timer = setTimeout(wake, ms);
      if (signal?.aborted) return stop();
      this.#wakes.add(wake);
      signal?.addEventListener("abort", stop);
    });
  }

  // The network is back, or a person does not want to wait.
  wake() {
    for (const wake of [...this.#wakes]) wake();
  }
}

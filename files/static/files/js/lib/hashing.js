// Digests of files, taken by a worker that is started with the first of them.

// Give digest(file) → SHA-256 in hex; null where there can be none: the browser's own hashing is there
// on https and on this machine only.
export function makeDigest(url, { Worker, isSecureContext } = globalThis) {
  if (!url || !Worker || !isSecureContext) return null;
  let worker = null;
  let last = 0;
  const waiting = new Map(); // by id
  const settle = ({ id, sha256, error }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (sha256) resolve?.(sha256);
    else reject?.(new Error(error));
  };
  const start = () => {
    const started = new Worker(url);
    started.addEventListener("message", ({ data }) => settle(data));
    // It could not be loaded, or broke: who waits is told, and the next file tries another.
    started.addEventListener("error", () => {
      worker = null;
      for (const id of [...waiting.keys()]) settle({ id, error: "broken" });
    });
    return started;
  };
  return (file) =>
    new Promise((resolve, reject) => {
      worker ??= start();
      last += 1;
      waiting.set(last, { resolve, reject });
      worker.postMessage({ id: last, file });
    });
}

// A worker that hashes files: reading one and handing it to the browser's own SHA-256 would hold the
// page up. One after the other, so that no more than one lies in memory.

let last = Promise.resolve();

self.addEventListener("message", ({ data }) => {
  last = last.then(() => hash(data));
});

async function hash({ id, file }) {
  try {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const sha256 = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    self.postMessage({ id, sha256 });
  } catch (error) {
    self.postMessage({ id, error: error.name });
  }
}

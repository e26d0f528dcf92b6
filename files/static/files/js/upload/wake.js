// Keeps the screen awake while bytes are going out; only where the browser offers it (https).

let isWanted = false;
let lock = null;

export function keepAwake(wanted) {
  isWanted = wanted;
  if (!wanted) {
    lock?.release();
    lock = null;
  } else if (!lock) {
    request();
  }
}

async function request() {
  if (!isWanted || document.visibilityState !== "visible") return;
  try {
    lock = (await navigator.wakeLock?.request("screen")) ?? null;
    lock?.addEventListener("release", () => (lock = null));
    if (!isWanted) keepAwake(false);
  } catch {
    // The battery is low, for one: the screen may go dark then.
  }
}

// The browser takes the lock away when the page is hidden.
globalThis.document?.addEventListener("visibilitychange", () => {
  if (!lock) request();
});

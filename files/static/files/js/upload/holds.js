// Which uploads a window of this browser is writing now, so that another does not offer to go on
// with them. Only where the browser has locks (https); a window that crashes loses its own.

const PREFIX = "strongroom:upload:";

// Hold an upload; gives the function that lets go of it.
export function hold(url) {
  let release;
  const over = new Promise((resolve) => (release = resolve));
  // Shared: it keeps nobody waiting, it only tells.
  globalThis.navigator?.locks?.request(PREFIX + url, { mode: "shared" }, () => over);
  return release;
}

export async function heldUrls() {
  const { held = [] } = (await globalThis.navigator?.locks?.query()) ?? {};
  return new Set(held.map(({ name }) => name.replace(PREFIX, "")));
}

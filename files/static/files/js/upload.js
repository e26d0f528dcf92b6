// Files and folders that are chosen, or dropped anywhere on the page, go out from here.

import { makeDigest } from "./lib/hashing.js";
import { Texts } from "./lib/texts.js";
import { Door } from "./upload/door.js";
import { watchDrops } from "./upload/drops.js";
import { Panel } from "./upload/panel.js";
import { loadPending, showPending } from "./upload/pending.js";
import { Store } from "./upload/store.js";
import { send } from "./upload/transport.js";
import { UPLOADS } from "./upload/single.js";
import { Uploader } from "./upload/uploader.js";
import { keepAwake } from "./upload/wake.js";
import { fromInput, TooManyError } from "./upload/walk.js";

export function mount(root) {
  const { texts: said, hasher } = JSON.parse(document.getElementById("upload-data").textContent);
  const texts = new Texts(said, document.documentElement.lang);
  const folder = Number(root.dataset.folder);
  const token = document.querySelector("main input[name=csrfmiddlewaretoken]").value;
  const store = new Store(root.dataset.user);
  const uploader = new Uploader({
    send,
    digest: makeDigest(hasher),
    store,
    clock: Date.now,
    door: new Door({ token, send }),
    onChange: () => panel.touch(),
    onSignedOut: () => panel.showSignedOut(true),
  });
  const panel = new Panel(root, uploader, texts, { onActive });

  // Earlier uploads must be known before files are queued, or these begin anew.
  let isReady = null;
  const prepare = () => (isReady ??= learn());

  async function learn() {
    for (const record of await loadPending({ send, store, url: UPLOADS })) {
      uploader.known.add(record);
    }
    showPending(root, uploader, folder, texts);
  }

  async function add(found) {
    const error = root.querySelector("[data-part=error]");
    error.hidden = true;
    try {
      const chosen = await found;
      await prepare();
      const clash = root.querySelector("input[name=clash]:checked")?.value ?? "version";
      uploader.add(chosen, { folder, clash });
      panel.begin();
      showPending(root, uploader, folder, texts);
    } catch (fault) {
      error.hidden = false;
      error.querySelector("p").textContent = texts.say(
        fault instanceof TooManyError ? "too_many" : "unreadable",
      );
    }
  }

  function onActive(isActive) {
    keepAwake(isActive);
    const change = isActive ? "addEventListener" : "removeEventListener";
    window[change]("beforeunload", warn);
  }

  for (const input of root.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      add(fromInput(input));
      input.value = ""; // the same file can be chosen again
    });
  }
  for (const button of root.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => document.getElementById(button.dataset.opens).click());
  }
  watchDrops(root, add);
  if (root.hasAttribute("data-pending")) prepare();
  window.addEventListener("online", () => uploader.wake());
  window.addEventListener("pagehide", () => uploader.note());
  for (const part of root.querySelectorAll("[data-plain]")) part.hidden = true;
  for (const part of root.querySelectorAll("[data-scripted]")) part.hidden = false;
}

function warn(event) {
  event.preventDefault();
}

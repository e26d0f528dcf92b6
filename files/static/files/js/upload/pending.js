// Uploads of an earlier session that wait for their file: it is chosen again, and only the rest goes.

import { placeOf, recordOf } from "../lib/fingerprint.js";
import { heldUrls } from "./holds.js";

// Give the unfinished uploads: what the server knows, else what this browser has noted.
export async function loadPending({ send, store, url }) {
  const noted = new Map(store.all().map((record) => [record.url, record]));
  const records = new Map(noted);
  for (const record of (await ask(send, url)) ?? []) {
    // What has just come in, the server counts a little later.
    const offset = Math.max(record.offset, noted.get(record.url)?.offset ?? 0);
    // It tells only some of them: a note of a further one is still good.
    records.set(record.url, { ...record, offset });
  }
  const held = await heldUrls();
  return [...records.values()].filter(({ url, size }) => !held.has(url) && size > 0);
}

async function ask(send, url) {
  try {
    const answer = await send({ method: "GET", url, headers: { Accept: "application/json" } });
    if (answer.status !== 200 || !answer.header("Content-Type")?.includes("json")) return null;
    return JSON.parse(answer.text).uploads.map(recordOf);
  } catch {
    return null;
  }
}

// Show those of one folder whose files are not chosen again yet.
export function showPending(root, uploader, folder, texts) {
  const chosen = new Set(uploader.items.map(placeOf));
  const records = [...uploader.known].filter(
    (record) => record.folder === folder && !chosen.has(placeOf(record)),
  );
  const list = root.querySelector("[data-part=pending-rows]");
  list.replaceChildren(
    ...records.map((record) => {
      const row = document.createElement("li");
      const name = document.createElement("bdi");
      name.textContent = record.path;
      const percent = texts.percent((record.offset ?? 0) / record.size);
      const status = texts.say("there", { percent, size: texts.size(record.size) });
      const note = document.createElement("span");
      note.className = "soft small numeric";
      note.textContent = status;
      row.append(name, " ", note);
      return row;
    }),
  );
  root.querySelector("[data-part=pending]").hidden = records.length === 0;
}

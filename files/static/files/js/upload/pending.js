// Uploads of an earlier session that wait for their file: it is chosen again, and only the rest goes.

import { recordOf } from "../lib/fingerprint.js";
import { heldUrls } from "./holds.js";

// Give the unfinished uploads: what the server knows, else what this browser has noted.
export async function loadPending({ send, store, url }) {
  const noted = store.all();
  const told = await ask(send, url);
  const records = told ?? noted;
  // The server tells one page of them; a note of a further one is still good.
  const urls = new Set(records.map((record) => record.url));
  const held = await heldUrls();
  return [...noted.filter((record) => !urls.has(record.url)), ...records].filter(
    (record) => !held.has(record.url) && record.size > 0,
  );
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

// Show those of one folder, until their files are chosen again.
export function showPending(root, known, folder, texts) {
  const records = [...known].filter((record) => record.folder === folder);
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

// One large file: begun, or gone on with where it was left, by this browser or another.

import { putKnown } from "../lib/known.js";
import { TusUpload, discard } from "../lib/tus.js";
import { hold } from "./holds.js";

export const UPLOADS = "/uploads/";
const NOTED = 2000; // ms between two notes of how far an upload is

// tools: send, digest, chunks, waiting, clock, known, store, changed(item). Rejects as TusUpload.run
// does.
export async function sendSingle(item, tools, signal) {
  const { known, store } = tools;
  const { same, changed } = item.url ? {} : known.find(item);
  if (changed) {
    // Half of it is of a file that is not there any more.
    known.remove(changed);
    store.remove(changed);
    await discard(changed.url, tools.send);
  }
  let release = () => {};
  const remember = (url) => {
    release();
    if (item.url && item.url !== url) store.remove(item);
    item.url = url ?? "";
    if (!url) return;
    release = hold(url);
    store.save(recordOf(item));
  };
  // For the list of what was begun earlier; the server knows better, if it can be asked.
  let noted = 0;
  const note = () => {
    if (!item.url || tools.clock() - noted < NOTED) return;
    noted = tools.clock();
    store.save(recordOf(item));
  };
  const resumed = item.url || same?.url;
  if (resumed) remember(resumed);
  else if (await putKnown(item, tools, signal)) return;
  const upload = new TusUpload({
    ...tools,
    endpoint: UPLOADS,
    url: resumed,
    file: item.file,
    metadata: metadataOf(item),
    onUrl: remember,
    onProgress: (bytes) => {
      item.sent = bytes;
      note();
      tools.changed(item);
    },
    onFault: (fault, ms) => tools.retrying(item, fault, ms),
  });
  try {
    await upload.run(signal);
    store.remove(item);
  } finally {
    release();
    if (same) known.remove(same);
  }
}

// What is noted of an upload that was begun.
export function recordOf({ url, folder, path, size, modified, sent }) {
  return { url, folder, path, size, modified, offset: sent };
}

function metadataOf({ folder, path, file, clash }) {
  return {
    folder,
    relativePath: path,
    filename: path.slice(path.lastIndexOf("/") + 1),
    filetype: file.type,
    lastModified: file.lastModified,
    clash,
  };
}

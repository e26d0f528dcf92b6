// Whether the server has a file already: then not a byte of it need be sent (docs/uploads-known.md).

export const LEAST = 2 ** 20; // bytes; smaller files go many in one request
// Bytes: what is hashed lies in memory as a whole, since no browser hashes piece by piece by itself,
// and of larger files hashing takes so long that on a fast line they are there before.
export const MOST = 64 * 2 ** 20;
const PATIENCE = 15_000; // ms for the answer

// Ask whether an item is known, and by that make its file. tools: send; digest(file), which gives a
// SHA-256 in hex, or null where there is none. Whatever goes wrong, the answer is no, and the upload
// itself tells what is the matter. Rejects with the signal's reason alone.
export async function putKnown(item, { send, digest }, signal) {
  if (!digest || item.size < LEAST || item.size > MOST) return false;
  try {
    const sha256 = await digest(item.file);
    signal.throwIfAborted();
    const answer = await send({
      method: "POST",
      url: "/uploads/known",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: JSON.stringify(askedOf(item, sha256)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    return answer.status === 201 && JSON.parse(answer.text).known === true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

function askedOf({ folder, path, size, file, clash }, sha256) {
  return { folder, path, size, sha256, lastModified: file.lastModified, clash };
}

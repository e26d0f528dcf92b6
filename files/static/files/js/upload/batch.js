// Small files, many in one request. The server takes all of a request or none: those that stand in
// the way are told, and the others are sent again without them.

import { halves, spread } from "../lib/batches.js";
import { Fault } from "../lib/faults.js";
import { requireReadable } from "../lib/fingerprint.js";
import { persist } from "../lib/persist.js";

// Refusals of a whole request that fewer files may not meet with.
const TOO_MUCH = new Set(["too-many-files", "quota-exceeded", "disk-full", "body-too-large"]);

// tools: door, waiting, changed(item), retrying(item, fault, ms), done(item), failed(item, fault),
// alone(item): a proxy does not even let one through. Rejects with a Fault that stops all
// uploads, or with the signal's reason; what is not settled then is still to be sent.
export async function sendBatch(items, tools, signal) {
  const pending = [items];
  while (pending.length) {
    const some = pending.pop();
    try {
      await attempt(some, tools, signal);
      for (const item of some) tools.done(item);
    } catch (fault) {
      signal.throwIfAborted();
      if (!(fault instanceof Fault) || fault.action === "sign-in") throw fault;
      pending.push(...(await sift(some, fault, tools)));
    }
  }
}

// Send files until an answer comes that says something of them.
function attempt(items, { door, waiting, changed, retrying }, signal) {
  const size = items.reduce((sum, item) => sum + item.size, 0);
  const onProgress = (sent, total) => {
    const excess = total - size; // of the form itself
    for (const [index, bytes] of spread(items, sent - excess).entries()) {
      items[index].sent = bytes;
      changed(items[index]);
    }
  };
  const onFault = async (fault, ms) => {
    if (fault?.status === 0 && (await unreadable(items)).size) throw fault;
    for (const item of items) retrying(item, fault, ms);
  };
  const renew = () => door.renewToken(items[0].folder, signal);
  const job = () => door.sendFiles(items, { signal, onProgress });
  return persist(job, { waiting, renew, onFault }, signal);
}

// Settle the files that stand in the way, and give the others, as they are to be sent now.
async function sift(items, fault, { failed, alone }) {
  const faults = fault.files ? refusedFiles(items, fault) : await faultsOf(items, fault);
  for (const [item, itsFault] of faults) failed(item, itsFault);
  const others = items.filter((item) => !faults.has(item));
  if (others.length === 0) return [];
  if (faults.size) return [others];
  if (others.length > 1 && (fault.files || fault.action === "shrink" || TOO_MUCH.has(fault.code))) {
    return halves(others).reverse();
  }
  if (fault.action === "shrink") alone(others[0]);
  else for (const item of others) failed(item, fault);
  return [];
}

// The files that the server names, each with its own reason.
function refusedFiles(items, fault) {
  const named = items.filter(({ path }) => Object.hasOwn(fault.files, path));
  return new Map(
    named.map((item) => {
      const code = fault.files[item.path];
      return [item, new Fault("refuse", { code, message: fault.reasons?.[item.path] ?? "" })];
    }),
  );
}

// The files that cannot be read any more, where no answer came.
async function faultsOf(items, fault) {
  return fault.status === 0 ? unreadable(items) : new Map();
}

async function unreadable(items) {
  const found = new Map();
  for (const item of items) {
    try {
      await requireReadable(item.file);
    } catch (fault) {
      found.set(item, fault);
    }
  }
  return found;
}

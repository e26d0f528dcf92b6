// Sends one request of the pages' own forms until an answer comes that says something about it.

import { delayOf } from "./backoff.js";

const DOUBTS = 3; // tries where trying again may not help

// waiting: see backoff.js. renew gets another token. onFault(fault, ms) is told before each wait, and
// may throw; onFault(null, 0) after it. Rejects with a Fault, or with the signal's reason.
export async function persist(job, { waiting, renew, random, onFault }, signal) {
  let doubts = 0;
  let isRenewed = false;
  for (let tries = 0; ; tries += 1) {
    try {
      return await job();
    } catch (fault) {
      signal?.throwIfAborted();
      if (fault.action === "token" && !isRenewed) {
        isRenewed = true;
        await renew();
        continue;
      }
      if (fault.action === "doubt") doubts += 1;
      const goesOn = fault.action === "retry" || (fault.action === "doubt" && doubts <= DOUBTS);
      if (!goesOn) throw fault;
      const ms = delayOf(tries, { random, retryAfter: fault.retryAfter });
      await onFault?.(fault, ms);
      await waiting.wait(ms, signal);
      await onFault?.(null, 0);
    }
  }
}

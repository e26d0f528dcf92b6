// Requests by XMLHttpRequest: it alone tells how much of a body has been sent.

import { Fault } from "../lib/faults.js";

const STALLED = 60_000; // ms without a byte sent
const NO_ANSWER = 300_000; // ms; the end of a large file may take its time

// Give {status, header(name), text}. Rejects with a Fault to retry where no answer came, and with
// the signal's reason where it was aborted.
export function send({ method, url, headers = {}, body = null, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    let timer;
    const watch = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), ms);
    };
    const stop = () => request.abort();
    const end = (settle) => () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      settle();
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const fail = end(() => reject(signal?.aborted ? signal.reason : new Fault("retry")));
    request.addEventListener("load", end(() => resolve(answerOf(request))));
    request.addEventListener("error", fail);
    request.addEventListener("abort", fail);
    signal?.addEventListener("abort", stop);
    if (body !== null) {
      request.upload.addEventListener("progress", (event) => {
        watch(STALLED);
        onProgress?.(event.loaded, event.total);
      });
      request.upload.addEventListener("load", () => watch(NO_ANSWER));
    }
    watch(body === null ? STALLED : NO_ANSWER);
    request.send(body);
  });
}

function answerOf(request) {
  return {
    status: request.status,
    text: request.responseText,
    header: (name) => request.getResponseHeader(name),
  };
}

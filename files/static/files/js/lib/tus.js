// One upload by tus 1.0: begun, gone on with after whatever comes between, finished.
//
// The server alone knows how far it is: after every fault it is asked (HEAD) before a byte is sent.

import { delayOf } from "./backoff.js";
import { Fault, faultOf } from "./faults.js";
import { requireReadable } from "./fingerprint.js";

const VERSION = { "Tus-Resumable": "1.0.0" };
const DOUBTS = 5; // tries without a byte of progress, where trying again may not help
const RESTARTS = 3;

// send(request) gives {status, header(name), text}, or rejects with a Fault to retry.
export class TusUpload {
  url; // of the upload, once it is begun
  #offset = null; // as the server said; null: it is to be asked
  #best = 0; // the furthest that it has said
  #attempt = 0; // since the last progress
  #doubts = 0; // the same
  #yields = 0; // since this page has sent something; others make progress too
  #restarts = 0;
  #tools;

  constructor({ endpoint, url, file, metadata, ...tools }) {
    this.url = url;
    this.#tools = { endpoint, file, metadata, ...tools };
  }

  // Go on until the file is there. Rejects with a Fault that only a person can do something about,
  // or with the signal's reason.
  async run(signal) {
    const { file } = this.#tools;
    for (;;) {
      try {
        if (!this.url) await this.#create(signal);
        else if (this.#offset === null) await this.#ask(signal);
        while (this.#offset < file.size) await this.#append(signal);
        return;
      } catch (fault) {
        signal.throwIfAborted();
        if (!(fault instanceof Fault)) throw fault;
        await this.#recover(fault, signal);
      }
    }
  }

  async #create(signal) {
    const { endpoint, file, metadata, send, onUrl } = this.#tools;
    const headers = {
      ...VERSION,
      "Upload-Length": String(file.size),
      "Upload-Metadata": encodeMetadata(metadata),
    };
    const answer = await send({ method: "POST", url: endpoint, headers, signal });
    const url = answer.header("Location");
    if (answer.status !== 201 || !url) throw faultOf(answer);
    this.url = new URL(url, new URL(endpoint, globalThis.location?.href ?? "http://x")).pathname;
    onUrl?.(this.url);
    this.#move(0);
  }

  async #ask(signal) {
    const { send, file } = this.#tools;
    const answer = await send({ method: "HEAD", url: this.url, headers: VERSION, signal });
    if (answer.status >= 300) throw faultOf(answer, true);
    const offset = numberIn(answer, "Upload-Offset");
    const length = numberIn(answer, "Upload-Length");
    if (offset === null || (length ?? file.size) !== file.size || offset > file.size) {
      throw new Fault("restart", { status: answer.status });
    }
    this.#move(offset);
  }

  async #append(signal) {
    const { send, file, chunks, clock, onProgress } = this.#tools;
    const start = this.#offset;
    const body = file.slice(start, start + chunks.size);
    const began = clock();
    const answer = await send({
      method: "PATCH",
      url: this.url,
      headers: {
        ...VERSION,
        "Upload-Offset": String(start),
        "Content-Type": "application/offset+octet-stream",
      },
      body,
      signal,
      onProgress: (bytes) => onProgress?.(Math.min(start + bytes, file.size)),
    });
    if (answer.status >= 300) {
      const fault = faultOf(answer, true);
      if (fault.action === "shrink" && !chunks.refused(body.size)) fault.action = "refuse";
      throw fault;
    }
    const offset = numberIn(answer, "Upload-Offset");
    if (offset === null || offset > file.size) throw new Fault("ask", { status: answer.status });
    this.#yields = 0;
    if (offset === start + body.size) chunks.sent(body.size, clock() - began);
    this.#move(offset);
  }

  // Take note of what the server has; more of it than before makes up for earlier faults.
  #move(offset) {
    if (offset > this.#best) this.#attempt = this.#doubts = 0;
    this.#best = Math.max(this.#best, offset);
    this.#offset = offset;
    this.#tools.onProgress?.(offset);
  }

  async #recover(fault, signal) {
    const { waiting, random, onFault } = this.#tools;
    this.#offset = null;
    switch (fault.action) {
      case "shrink":
        return;
      case "restart":
        this.#restarts += 1;
        if (this.#restarts > RESTARTS) throw fault;
        this.url = undefined;
        this.#best = 0;
        this.#tools.onUrl?.(undefined);
        return;
      case "doubt":
        this.#doubts += 1;
        if (this.#doubts > DOUBTS) throw fault;
        break;
      case "ask":
        if (this.#attempt > 0) break;
        this.#attempt = 1;
        return;
      case "yield":
        this.#yields += 1;
        this.#attempt = Math.max(this.#attempt, this.#yields + 1);
        break;
      case "retry":
        if (fault.status === 0) await requireReadable(this.#tools.file);
        break;
      default:
        throw fault;
    }
    const ms = delayOf(this.#attempt, { random, retryAfter: fault.retryAfter });
    this.#attempt += 1;
    onFault?.(fault, ms);
    await waiting.wait(ms, signal);
    onFault?.(null, 0);
  }
}

// The server forgets the upload; if it does not hear of it, it does when the upload expires.
export async function discard(url, send) {
  try {
    await send({ method: "DELETE", url, headers: VERSION });
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
  }
}

// tus 1.0, Upload-Metadata: keys, and values in Base64 of their UTF-8.
export function encodeMetadata(metadata) {
  return Object.entries(metadata)
    .filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([key, value]) => {
      const bytes = new TextEncoder().encode(String(value).toWellFormed?.() ?? String(value));
      return `${key} ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
    })
    .join(",");
}

function numberIn(answer, name) {
  const text = answer.header(name);
  return text !== null && /^[0-9]{1,16}$/.test(text) ? Number(text) : null;
}

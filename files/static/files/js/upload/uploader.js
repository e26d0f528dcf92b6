// All that is on its way from this page: what runs, what waits, and what a person says about it.

import { Waiting } from "../lib/backoff.js";
import { SMALL, takeBatch } from "../lib/batches.js";
import { ChunkSize } from "../lib/chunks.js";
import { Fault } from "../lib/faults.js";
import { Known } from "../lib/fingerprint.js";
import { Lane } from "../lib/queue.js";
import { discard } from "../lib/tus.js";
import { sendBatch } from "./batch.js";
import { Folders } from "./folders.js";
import { Item } from "./item.js";
import { recordOf, sendSingle } from "./single.js";

// Together one less than a browser opens to a server: pages still load meanwhile.
const BATCHES = 2;
const SINGLES = 3;

export class Uploader {
  items = [];
  known = new Known(); // unfinished uploads of earlier
  folders;
  #waiting = new Waiting();
  #small = []; // that may go with others
  #large = [];
  #isSignedOut = false;
  #lanes;
  #tools;

  // tools: send, digest (null for none), door, store, clock; onChange(item), onSignedOut().
  constructor(tools) {
    this.#tools = {
      chunks: new ChunkSize(),
      waiting: this.#waiting,
      known: this.known,
      changed: tools.onChange,
      retrying: (item, fault, ms) => this.#retrying(item, fault, ms),
      done: (item) => this.#done(item),
      failed: (item, fault) => this.#fail(item, fault),
      alone: (item) => this.#sendAlone(item),
      ...tools,
    };
    this.folders = new Folders({ ...this.#tools, onSignedOut: () => this.#signOut() });
    this.#lanes = [
      new Lane(1, () => (this.#isSignedOut ? null : this.folders.next())),
      new Lane(BATCHES, () => this.#nextBatch()),
      new Lane(SINGLES, () => this.#nextSingle()),
    ];
  }

  get isActive() {
    return this.#lanes.some((lane) => lane.running) || this.items.some((item) => item.isOpen);
  }

  add({ files, folders }, { folder, clash }) {
    const items = files.map(({ path, file }) => new Item({ folder, path, file, clash }));
    for (const item of items) this.items.push(item);
    this.folders.add(folders, folder);
    for (const item of items) this.#enqueue(item);
    this.#pump();
  }

  pause(items) {
    for (const item of items.filter((item) => item.isOpen)) this.#stop(item, "paused");
  }

  resume(items) {
    for (const item of items) {
      if (item.state !== "paused" && item.state !== "failed") continue;
      item.fault = null;
      this.#requeue(item);
    }
    this.#isSignedOut = false;
    this.#pump();
  }

  cancel(items) {
    for (const item of items.filter((item) => !item.isOver)) {
      this.#stop(item, "cancelled");
      if (!item.url) continue;
      this.#tools.store.remove(item);
      discard(item.url, this.#tools.send);
    }
  }

  // The network is back: who waits for it tries at once.
  wake() {
    this.#waiting.wake();
  }

  // The page is left: note how far its uploads are.
  note() {
    for (const item of this.items) if (item.isBegun) this.#tools.store.save(recordOf(item));
  }

  #enqueue(item) {
    const { same } = this.known.find(item);
    item.sent = Math.max(item.sent, same?.offset ?? 0);
    const goesAlone = item.size > SMALL || item.url || same || item.isAlone;
    (goesAlone ? this.#large : this.#small).push(item);
  }

  #pump() {
    for (const lane of this.#lanes) lane.pump();
  }

  #setState(item, state) {
    item.state = state;
    this.#tools.onChange(item);
  }

  // A request with many files is stopped as a whole: those that nobody has stopped go again.
  #stop(item, state) {
    const { controller } = item;
    this.#setState(item, state);
    controller?.abort(new DOMException("stopped", "AbortError"));
  }

  #retrying(item, fault, ms) {
    item.fault = fault;
    item.retryAt = this.#tools.clock() + ms;
    this.#setState(item, fault ? "retrying" : "running");
  }

  #done(item) {
    item.sent = item.size;
    item.fault = null;
    this.#setState(item, "done");
  }

  #fail(item, fault) {
    item.fail(fault);
    this.#tools.onChange(item);
  }

  #sendAlone(item) {
    item.isAlone = true;
    this.#requeue(item);
    this.#pump();
  }

  #nextBatch() {
    // Those that were paused or cancelled meanwhile have left the queue.
    this.#small = this.#small.filter((item) => item.state === "waiting");
    if (this.#small.length === 0) return null;
    const items = takeBatch(this.#small);
    return () => this.#run(items, (signal) => sendBatch(items, this.#tools, signal));
  }

  #nextSingle() {
    let item;
    do item = this.#large.shift();
    while (item && item.state !== "waiting");
    if (!item) return null;
    const job = async (signal) => {
      await sendSingle(item, this.#tools, signal);
      this.#done(item);
    };
    return () => this.#run([item], job);
  }

  async #run(items, job) {
    const controller = new AbortController();
    for (const item of items) {
      item.controller = controller;
      item.isBatched = items.length > 1;
      this.#setState(item, "running");
    }
    try {
      await job(controller.signal);
    } catch (error) {
      this.#settle(items, error);
    }
    for (const item of items) {
      item.controller = null;
      item.isBatched = false;
      this.#tools.onChange(item);
    }
  }

  // Decide about what a job has left unsettled.
  #settle(items, error) {
    const left = items.filter((item) => item.isRunning);
    if (error instanceof Fault && error.action === "sign-in") this.#signOut();
    else if (error.name === "AbortError") for (const item of left) this.#requeue(item);
    else for (const item of left) this.#fail(item, error);
  }

  #requeue(item) {
    this.#setState(item, "waiting");
    this.#enqueue(item);
  }

  // Keep all as it is until the person has signed in again.
  #signOut() {
    this.#isSignedOut = true;
    this.pause(this.items);
    this.#tools.onSignedOut();
  }
}

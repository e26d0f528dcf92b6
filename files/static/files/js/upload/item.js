// One file on its way, as the list shows it.

import { Fault } from "../lib/faults.js";

// waiting → running ⇄ retrying → done; paused and failed wait for a person; cancelled is over.
export const OPEN = new Set(["waiting", "running", "retrying"]);

let last = 0;

export class Item {
  state = "waiting";
  sent = 0; // bytes that are there, as far as this page knows
  fault = null; // why it failed, or is being tried again
  retryAt = 0; // ms
  url = ""; // of its upload, where it has one
  isBatched = false; // on its way with others in one request
  isAlone = false; // too large for one request, by the rules of a proxy on the way
  controller = null; // of the request that is running

  constructor({ folder, path, file, clash }) {
    last += 1;
    Object.assign(this, { id: last, folder: Number(folder), path, file, clash });
    this.size = file.size;
    this.modified = file.lastModified;
  }

  get isOpen() {
    return OPEN.has(this.state);
  }

  get isOver() {
    return this.state === "done" || this.state === "cancelled";
  }

  // Whether the server has some of it, and waits for the rest.
  get isBegun() {
    return this.url !== "" && !this.isOver;
  }

  get isRunning() {
    return this.state === "running" || this.state === "retrying";
  }

  // Set what is shown; a state that a person has chosen meanwhile stays.
  fail(fault) {
    this.state = "failed";
    this.fault = fault instanceof Fault ? fault : new Fault("refuse");
  }
}

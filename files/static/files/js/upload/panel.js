// The panel: all files together, buttons for all of them, and the list.

import { Meter } from "../lib/rates.js";
import { Rows, setText } from "./rows.js";

const SOON = 250; // ms until a change is shown, with those that come meanwhile
const TICK = 1000; // ms between two looks where nothing changes but the time

export class Panel {
  #root;
  #uploader;
  #texts;
  #rows;
  #meter = new Meter();
  #timer = null; // until changes are shown
  #tick = null;
  #title = document.title;
  #wasActive = false;

  // onActive(isActive) is told when uploading begins and ends.
  constructor(root, uploader, texts, { onActive }) {
    this.#root = root;
    this.#uploader = uploader;
    this.#texts = texts;
    this.onActive = onActive;
    this.#rows = new Rows(this.#part("rows"), this.#part("row"), texts);
    root.addEventListener("click", (event) => this.#press(event.target.closest("[data-action]")));
  }

  #part(name) {
    return this.#root.querySelector(`[data-part=${name}]`);
  }

  // Something was chosen; it may be over before the next look.
  begin() {
    if (this.#uploader.isActive && !this.#wasActive) this.#turn(true, this.#say("begun"));
    this.#show();
  }

  #turn(isActive, said) {
    this.#wasActive = isActive;
    if (isActive) this.#meter.reset();
    this.onActive(isActive);
    this.announce(said);
  }

  // Something has changed: show it soon, with what else changes until then.
  touch() {
    this.#timer ??= setTimeout(() => this.#show(), SOON);
  }

  // Say something to who does not see the page.
  announce(text) {
    setText(this.#part("live"), text);
  }

  showSignedOut(isSignedOut) {
    this.#part("signed-out").hidden = !isSignedOut;
  }

  #press(button) {
    const { action, item: id } = button?.dataset ?? {};
    if (!action) return;
    const { items } = this.#uploader;
    const chosen = id ? items.filter((item) => item.id === Number(id)) : items;
    if (action === "pause") this.#uploader.pause(chosen);
    else if (action === "cancel") this.#uploader.cancel(chosen);
    else {
      const state = action === "retry" ? "failed" : "paused";
      this.#uploader.resume(chosen.filter((item) => item.state === state));
      this.showSignedOut(false);
    }
    this.#show();
    if (!id && button.hidden) this.#part("panel").focus();
  }

  #show() {
    clearTimeout(this.#timer);
    clearTimeout(this.#tick);
    this.#timer = null;
    const now = Date.now();
    const totals = totalsOf(this.#uploader.items);
    const { isActive } = this.#uploader;
    this.#part("panel").hidden = totals.files === 0 && !this.#uploader.folders.isUsed;
    this.#meter.add(now, totals.sent);
    const more = this.#rows.show(this.#uploader.items, now);
    setText(this.#part("more"), more ? this.#say("more", { count: this.#texts.count(more) }) : "");
    this.#showTotals(totals, isActive);
    this.#showFolders();
    if (isActive && !this.#wasActive) this.#turn(true, this.#say("begun"));
    else if (!isActive && this.#wasActive) this.#turn(false, this.#summary(totals, isActive));
    if (this.#rows.isBehind) this.touch();
    // Speed, time left and the wait for the next try go on by themselves.
    if (isActive) this.#tick = setTimeout(() => this.#show(), TICK);
  }

  #showTotals(totals, isActive) {
    const progress = this.#part("total");
    progress.max = totals.size || 1;
    progress.value = totals.size ? totals.sent : 1;
    progress.hidden = !isActive && !totals.paused;
    setText(this.#part("summary"), this.#summary(totals, isActive));
    const share = totals.size ? totals.sent / totals.size : 0;
    const title = isActive ? `${this.#texts.percent(share)} · ${this.#title}` : this.#title;
    if (document.title !== title) document.title = title;
    const offered = {
      pause: totals.open > 0,
      resume: totals.paused > 0,
      retry: totals.failed > 0,
      cancel: totals.open + totals.paused > 0,
    };
    for (const button of this.#part("all").querySelectorAll("button")) {
      button.hidden = !offered[button.dataset.action];
    }
    const link = this.#part("finished");
    link.hidden = isActive || totals.done === 0;
    link.search = new URLSearchParams({ uploaded: totals.done });
  }

  #summary(totals, isActive) {
    const count = (number) => this.#texts.count(number);
    if (!isActive && !totals.paused) {
      const said = [this.#say("finished", { count: count(totals.done) })];
      if (totals.failed) said.push(this.#say("not_uploaded", { count: count(totals.failed) }));
      return said.join(" ");
    }
    const { size, sent } = totals;
    const said = [this.#say("files", { done: count(totals.done), all: count(totals.files) })];
    said.push(this.#say("bytes", { sent: this.#texts.size(sent), size: this.#texts.size(size) }));
    if (!isActive) return [...said, this.#say("all_paused")].join(" · ");
    const { speed } = this.#meter;
    if (speed) {
      said.push(this.#say("speed", { size: this.#texts.size(speed) }));
      said.push(this.#say("left", { time: this.#texts.span(this.#meter.left(size - sent)) }));
    } else if (!navigator.onLine) said.push(this.#say("offline"));
    return said.join(" · ");
  }

  #showFolders() {
    const { faults } = this.#uploader.folders;
    const list = this.#part("folder-faults");
    for (const { path, fault } of faults.slice(list.children.length)) {
      const row = document.createElement("li");
      row.textContent = this.#say("no_folder", { path, reason: this.#texts.fault(fault) });
      list.append(row);
    }
    list.hidden = faults.length === 0;
  }

  #say(key, values) {
    return this.#texts.say(key, values);
  }
}

function totalsOf(items) {
  const totals = { files: 0, size: 0, sent: 0, done: 0, failed: 0, paused: 0, open: 0 };
  for (const item of items) {
    if (item.state === "cancelled") continue;
    totals.files += 1;
    if (item.state === "failed") {
      totals.failed += 1;
      continue; // what it lacks does not come
    }
    totals.size += item.size;
    totals.sent += item.sent;
    if (item.state === "done") totals.done += 1;
    else if (item.state === "paused") totals.paused += 1;
    else totals.open += 1;
  }
  return totals;
}

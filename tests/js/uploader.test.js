import assert from "node:assert/strict";
import { test } from "node:test";

import { Fault } from "../../files/static/files/js/lib/faults.js";
import { Store } from "../../files/static/files/js/upload/store.js";
import { Uploader } from "../../files/static/files/js/upload/uploader.js";
import { FakeServer, fakeFile, says, unreachable } from "./fake_server.js";

const LARGE = "x".repeat(2 ** 20 + 1);

class FakeDoor {
  requests = []; // the paths of each
  folders = [];
  refusals = {}; // codes by path
  faults = []; // of the next requests; null for none
  renewed = 0;

  async sendFiles(items, { signal }) {
    this.requests.push(items.map(({ path }) => path));
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    const fault = this.faults.shift();
    if (typeof fault === "function") fault(items);
    else if (fault) throw fault;
    const files = Object.fromEntries(
      items.flatMap(({ path }) => (this.refusals[path] ? [[path, this.refusals[path]]] : [])),
    );
    if (Object.keys(files).length) throw new Fault("refuse", { status: 409, code: "files-refused", files });
  }

  async makeFolder(folder, path) {
    const fault = this.faults.shift();
    if (fault) throw fault;
    this.folders.push(`${folder}/${path}`);
  }

  async renewToken() {
    this.renewed += 1;
  }
}

class MemoryStorage extends Map {
  get length() {
    return this.size;
  }
  key = (index) => [...this.keys()][index];
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => this.set(key, value);
  removeItem = (key) => this.delete(key);
}

function start({ store = new Store(1, { storage: new MemoryStorage() }), digest = null } = {}) {
  const server = new FakeServer();
  const door = new FakeDoor();
  const events = [];
  const uploader = new Uploader({
    send: server.send,
    door,
    digest,
    store,
    clock: Date.now,
    onChange: () => {},
    onSignedOut: () => events.push("signed out"),
  });
  const add = (files, folders = []) =>
    uploader.add(
      { files: Object.entries(files).map(([path, text]) => ({ path, file: fakeFile(text) })), folders },
      { folder: 7, clash: "version" },
    );
  return { server, door, uploader, events, add, store };
}

async function until(condition) {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, "it did not come");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const settled = (uploader) => until(() => !uploader.isActive);
const states = (uploader) => Object.fromEntries(uploader.items.map(({ path, state }) => [path, state]));

test("small files go together, large ones by themselves, empty folders are made", async () => {
  const { server, door, uploader, add } = start();

  add({ "a/1.txt": "one", "a/2.txt": "two", "film.mp4": LARGE }, ["a/empty"]);
  await settled(uploader);

  assert.deepEqual(door.requests, [["a/1.txt", "a/2.txt"]]);
  assert.deepEqual(door.folders, ["7/a/empty"]);
  assert.equal(server.uploads.get("/uploads/1").bytes, LARGE);
  assert.deepEqual(new Set(Object.values(states(uploader))), new Set(["done"]));
  assert.ok(uploader.items.every(({ sent, size }) => sent === size));
});

test("a file that the server has is done at once, any other is sent", async () => {
  const { server, uploader, add } = start({ digest: async (file) => file.text.slice(0, 1) });
  server.known = new Set(["k"]);

  add({ "known.bin": "k".repeat(LARGE.length), "new.bin": LARGE });
  await settled(uploader);

  assert.deepEqual(states(uploader), { "known.bin": "done", "new.bin": "done" });
  assert.ok(uploader.items.every(({ sent, size }) => sent === size));
  assert.equal(server.uploads.size, 1);
  assert.ok(server.uploads.get("/uploads/1").bytes === LARGE);
});

test("so many at once, and no more", async () => {
  const { server, uploader, add } = start();
  let [running, most] = [0, 0];
  server.accidents = Array(40).fill(async (_request, go) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running -= 1;
    return go();
  });

  add(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`${n}.bin`, LARGE])));
  await settled(uploader);

  assert.equal(most, 3);
  assert.equal(server.uploads.size, 9);
});

test("a file that is refused does not take the others of its request along", async () => {
  const { door, uploader, add } = start();
  door.refusals = { "b.txt": "invalid-name" };

  add({ "a.txt": "a", "b.txt": "b", "c.txt": "c" });
  await settled(uploader);

  assert.deepEqual(states(uploader), { "a.txt": "done", "b.txt": "failed", "c.txt": "done" });
  assert.deepEqual(door.requests.at(-1), ["a.txt", "c.txt"]);
  assert.equal(uploader.items[1].fault.code, "invalid-name");
});

test("what does not fit the quota is told of those files that do not fit", async () => {
  const { door, uploader, add } = start();
  let room = 3;
  const charge = (items) => {
    const needed = items.reduce((sum, { size }) => sum + size, 0);
    if (needed > room) throw new Fault("refuse", { status: 507, code: "quota-exceeded" });
    room -= needed;
  };
  door.faults = Array(20).fill(charge);

  add({ a: "1", b: "1", c: "12345", d: "1" });
  await settled(uploader);

  assert.deepEqual(states(uploader), { a: "done", b: "done", c: "failed", d: "done" });
});

test("a proxy that lets no form through gets the files one by one, in chunks", async () => {
  const { server, door, uploader, add } = start();
  door.faults = Array(20).fill(new Fault("shrink", { status: 413 }));

  add({ a: "12345", b: "67890" });
  await settled(uploader);

  assert.deepEqual(states(uploader), { a: "done", b: "done" });
  assert.equal(server.uploads.size, 2);
});

test("a stale token is renewed once, and a request without answer is repeated", async () => {
  const { door, uploader, add } = start();
  door.faults = [new Fault("token", { status: 403 }), new Fault("retry")];

  add({ a: "1" });
  await until(() => uploader.items[0].state === "retrying");
  uploader.wake();
  await settled(uploader);

  assert.equal(door.renewed, 1);
  assert.equal(door.requests.length, 3);
  assert.deepEqual(states(uploader), { a: "done" });
});

test("who is signed out finds all of it paused, and resumes it", async () => {
  const { server, door, uploader, events, add } = start();
  const gone = new Fault("sign-in", { status: 401 });
  door.faults = [gone, gone];
  server.accidents = [null, says(401)];

  add({ a: "1", "b.bin": LARGE }, ["empty"]);
  await settled(uploader);
  assert.deepEqual(states(uploader), { a: "paused", "b.bin": "paused" });
  assert.ok(events.length);
  [door.faults, server.accidents] = [[], []];
  uploader.resume(uploader.items);
  await settled(uploader);

  assert.deepEqual(states(uploader), { a: "done", "b.bin": "done" });
  assert.deepEqual(door.folders, ["7/empty"]);
});

test("a file that is paused keeps what has arrived", async () => {
  const { server, uploader, add } = start();
  server.accidents = [null, () => uploader.pause(uploader.items)];

  add({ "a.bin": LARGE });
  await until(() => uploader.items[0].state === "paused");
  server.uploads.get("/uploads/1").bytes = LARGE.slice(0, 1000);
  uploader.resume(uploader.items);
  await settled(uploader);

  assert.equal(server.uploads.size, 1);
  assert.equal(server.sent, LARGE.length - 1000);
  assert.deepEqual(states(uploader), { "a.bin": "done" });
});

test("a file that is cancelled is forgotten by the server, and by the browser", async () => {
  const { server, uploader, add, store } = start();
  server.accidents = [null, () => uploader.cancel(uploader.items)];

  add({ "a.bin": LARGE });
  await until(() => server.log.includes("DELETE"));
  await settled(uploader);

  assert.equal(server.uploads.size, 0);
  assert.deepEqual(store.all(), []);
  assert.deepEqual(states(uploader), { "a.bin": "cancelled" });
});

test("cancelling one of a request lets the others of it go again", async () => {
  const { door, uploader, add } = start();

  add({ a: "1", b: "2" });
  uploader.cancel([uploader.items[0]]);
  await settled(uploader);

  assert.deepEqual(states(uploader), { a: "cancelled", b: "done" });
  assert.deepEqual(door.requests, [["a", "b"], ["b"]]);
});

test("the same file chosen again goes on where it was", async () => {
  const { server, uploader, add, store } = start();
  server.uploads.set("/uploads/9", { length: LARGE.length, bytes: LARGE.slice(0, 900) });
  const record = { url: "/uploads/9", folder: 7, path: "a.bin", size: LARGE.length, modified: 1 };
  uploader.known.add(record);
  store.save(record);

  add({ "a.bin": LARGE });
  await settled(uploader);

  assert.equal(server.sent, LARGE.length - 900);
  assert.equal(server.uploads.get("/uploads/9").bytes, LARGE);
  assert.deepEqual([...uploader.known], []);
  assert.deepEqual(store.all(), []);
});

test("a small file that was begun alone goes on alone", async () => {
  const { server, door, uploader, add } = start();
  server.uploads.set("/uploads/9", { length: 5, bytes: "ab" });
  uploader.known.add({ url: "/uploads/9", folder: 7, path: "a", size: 5, modified: 1, offset: 2 });

  add({ a: "abcde" });
  await settled(uploader);

  assert.deepEqual(door.requests, []);
  assert.equal(server.uploads.get("/uploads/9").bytes, "abcde");
});

test("a file that was changed since is begun anew, and its half discarded", async () => {
  const { server, uploader, add } = start();
  server.uploads.set("/uploads/9", { length: LARGE.length, bytes: "old" });
  uploader.known.add({ url: "/uploads/9", folder: 7, path: "a.bin", size: LARGE.length, modified: 0 });

  add({ "a.bin": LARGE });
  await settled(uploader);

  assert.equal(server.uploads.has("/uploads/9"), false);
  assert.equal(server.log[0], "DELETE");
  assert.equal([...server.uploads.values()][0].bytes, LARGE);
});

test("a file that failed is tried again when a person says so", async () => {
  const { server, uploader, add } = start();
  server.accidents = [says(507, "quota-exceeded")];

  add({ "a.bin": LARGE });
  await settled(uploader);
  assert.deepEqual(states(uploader), { "a.bin": "failed" });
  uploader.resume(uploader.items);
  await settled(uploader);

  assert.deepEqual(states(uploader), { "a.bin": "done" });
});

test("the network's return ends the waiting", async () => {
  const { server, uploader, add } = start();
  server.accidents = [null, unreachable];

  add({ "a.bin": LARGE });
  await until(() => uploader.items[0].state === "retrying");
  assert.ok(uploader.items[0].retryAt > Date.now());
  uploader.wake();
  await settled(uploader);

  assert.deepEqual(states(uploader), { "a.bin": "done" });
});

test("a folder that cannot be made is told", async () => {
  const { door, uploader, add } = start();
  door.faults = [new Fault("refuse", { status: 422, code: "invalid-name" })];

  add({}, ["bad"]);
  await settled(uploader);

  assert.deepEqual(uploader.folders.faults.map(({ path, fault }) => [path, fault.code]), [["bad", "invalid-name"]]);
});

test("notes of what was begun are kept for each person, and not for ever", () => {
  const storage = new MemoryStorage();
  let now = 0;
  const store = new Store(1, { storage, clock: () => now });
  store.save({ url: "/uploads/1", path: "a" });
  storage.setItem("strongroom:upload:1:broken", "{");
  now = 6 * 86_400_000;
  store.save({ url: "/uploads/2", path: "b" });

  assert.deepEqual(store.all().map(({ path }) => path), ["a", "b"]);
  assert.deepEqual(new Store(2, { storage, clock: () => now }).all(), []);
  now = 8 * 86_400_000;
  assert.deepEqual(store.all().map(({ path }) => path), ["b"]);
  assert.equal(storage.size, 1);
});

test("a browser that allows no storage uploads all the same", async () => {
  const { server, uploader, add } = start({ store: new Store(1, { storage: null }) });

  add({ "a.bin": LARGE });
  await settled(uploader);

  assert.equal(server.uploads.get("/uploads/1").bytes, LARGE);
});

test("how far uploads are is noted when the page is left", async () => {
  const { server, uploader, add, store } = start();
  const noted = [];
  const leave = (request, go) => {
    request.onProgress(700);
    uploader.note();
    noted.push(...store.all().map(({ offset }) => offset));
    return go();
  };
  server.accidents = [null, leave];

  add({ "a.bin": LARGE });
  await settled(uploader);

  assert.deepEqual(noted, [700]);
  assert.deepEqual(store.all(), []);
});

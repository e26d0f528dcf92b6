import assert from "node:assert/strict";
import { test } from "node:test";

import { makeDigest } from "../../files/static/files/js/lib/hashing.js";

class FakeWorker extends EventTarget {
  static started = [];
  static answer = (worker, { id, file }) => worker.say({ id, sha256: `of ${file}` });

  constructor(url) {
    super();
    this.url = url;
    FakeWorker.started.push(this);
  }

  say(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  postMessage(data) {
    queueMicrotask(() => FakeWorker.answer(this, data));
  }
}

const browser = { Worker: FakeWorker, isSecureContext: true };

test("one worker hashes all files, whatever order it answers in", async () => {
  FakeWorker.started = [];
  const held = [];
  FakeWorker.answer = (worker, data) => {
    held.push(data);
    if (held.length < 2) return;
    for (const { id, file } of held.reverse()) worker.say({ id, sha256: `of ${file}` });
  };
  const digest = makeDigest("/hasher.js", browser);
  assert.equal(FakeWorker.started.length, 0);

  const found = await Promise.all([digest("a"), digest("b")]);

  assert.deepEqual(found, ["of a", "of b"]);
  assert.deepEqual(FakeWorker.started.map(({ url }) => url), ["/hasher.js"]);
});

test("a file that cannot be read is told alone", async () => {
  FakeWorker.answer = (worker, { id, file }) =>
    worker.say(file === "gone" ? { id, error: "NotReadableError" } : { id, sha256: "ok" });
  const digest = makeDigest("/hasher.js", browser);

  const [gone, there] = await Promise.allSettled([digest("gone"), digest("there")]);

  assert.equal(gone.reason.message, "NotReadableError");
  assert.equal(there.value, "ok");
});

test("a worker that breaks leaves nobody waiting, and the next file gets another", async () => {
  FakeWorker.started = [];
  FakeWorker.answer = (worker) => worker.dispatchEvent(new Event("error"));
  const digest = makeDigest("/hasher.js", browser);
  const broken = await Promise.allSettled([digest("a"), digest("b")]);
  FakeWorker.answer = (worker, { id }) => worker.say({ id, sha256: "ok" });

  assert.equal(await digest("c"), "ok");

  assert.deepEqual(broken.map(({ status }) => status), ["rejected", "rejected"]);
  assert.equal(FakeWorker.started.length, 2);
});

test("there is none on plain http, without workers and without the script", () => {
  assert.equal(makeDigest("/hasher.js", { ...browser, isSecureContext: false }), null);
  assert.equal(makeDigest("/hasher.js", { isSecureContext: true }), null);
  assert.equal(makeDigest(undefined, browser), null);
});

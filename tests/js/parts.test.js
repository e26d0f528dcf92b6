import assert from "node:assert/strict";
import { test } from "node:test";

import { delayOf, Waiting } from "../../files/static/files/js/lib/backoff.js";
import { halves, spread, takeBatch } from "../../files/static/files/js/lib/batches.js";
import { ChunkSize } from "../../files/static/files/js/lib/chunks.js";
import { actionOf } from "../../files/static/files/js/lib/faults.js";
import { Known, recordOf } from "../../files/static/files/js/lib/fingerprint.js";
import { Meter } from "../../files/static/files/js/lib/rates.js";
import { Texts } from "../../files/static/files/js/lib/texts.js";
import { fromDrop, fromInput, LIMIT, TooManyError } from "../../files/static/files/js/upload/walk.js";

const MIB = 2 ** 20;

test("waits double up to a limit, and differ by chance", () => {
  const longest = [0, 1, 2, 5, 50].map((attempt) => delayOf(attempt, { random: () => 1 }));

  assert.deepEqual(longest, [1000, 2000, 4000, 30_000, 30_000]);
  assert.equal(delayOf(0, { random: () => 0 }), 500);
  assert.equal(delayOf(0, { retryAfter: 7000 }), 7000);
});

test("a wait ends by itself, by a wake, or with its signal", async () => {
  const waiting = new Waiting();
  const controller = new AbortController();

  await waiting.wait(1);
  const [woken, stopped] = [waiting.wait(1e6), waiting.wait(1e6, controller.signal)];
  controller.abort(new Error("stopped"));
  await assert.rejects(stopped, { message: "stopped" });
  waiting.wake();
  await woken;

  await assert.rejects(waiting.wait(1, controller.signal), { message: "stopped" });
});

test("chunks grow where it is quick, and shrink where it is slow", () => {
  const chunks = new ChunkSize(64 * MIB);

  chunks.sent(64 * MIB, 500);
  assert.equal(chunks.size, 128 * MIB);
  chunks.sent(5, 1); // the rest of a file
  assert.equal(chunks.size, 128 * MIB);
  for (let n = 0; n < 20; n += 1) chunks.sent(chunks.size, 60_000);
  assert.equal(chunks.size, MIB);
  for (let n = 0; n < 20; n += 1) chunks.sent(chunks.size, 1);
  assert.equal(chunks.size, 256 * MIB);
});

test("chunks never grow past what a proxy has refused", () => {
  const chunks = new ChunkSize(64 * MIB);

  assert.ok(chunks.refused(64 * MIB));
  for (let n = 0; n < 5; n += 1) chunks.sent(chunks.size, 1);

  assert.equal(chunks.size, 32 * MIB);
  assert.equal(chunks.refused(64 * 1024), false);
});

test("a batch is bounded in files and bytes, and of one folder, one choice, no path twice", () => {
  const file = (path, size = 1, more = {}) => ({ path, size, folder: 1, clash: "version", ...more });
  const taken = (files, limits) => takeBatch(files, limits).map(({ path }) => path).join("");

  assert.equal(taken([file("a"), file("b"), file("c")], { files: 2 }), "ab");
  assert.equal(taken([file("a", 5), file("b", 5), file("c")], { bytes: 9 }), "a");
  assert.equal(taken([file("a", 99), file("b")], { bytes: 9 }), "a");
  assert.equal(taken([file("a"), file("b", 1, { folder: 2 })]), "a");
  assert.equal(taken([file("a"), file("b", 1, { clash: "both" })]), "a");
  assert.equal(taken([file("a"), file("a")]), "a");
});

test("what is taken has left the list", () => {
  const waiting = ["a", "b"].map((path) => ({ path, size: 1, folder: 1, clash: "version" }));

  takeBatch(waiting, { files: 1 });

  assert.deepEqual(waiting.map(({ path }) => path), ["b"]);
});

test("bytes of a request are given out to its files in their order", () => {
  assert.deepEqual(spread([{ size: 3 }, { size: 0 }, { size: 4 }], 5), [3, 0, 2]);
  assert.deepEqual(spread([{ size: 3 }], -100), [0]);
  assert.deepEqual(halves([1, 2, 3]), [[1, 2], [3]]);
});

for (const [status, code, isUpload, action] of [
  [0, "", true, "retry"],
  [401, "", true, "sign-in"],
  [403, "cross-site-request", false, "token"],
  [403, "forbidden", true, "refuse"],
  [404, "entry-not-found", false, "refuse"],
  [404, "", true, "restart"],
  [409, "", true, "ask"],
  [409, "upload-taken-over", true, "yield"],
  [409, "entry-exists", true, "refuse"],
  [409, "files-refused", false, "refuse"],
  [413, "", false, "shrink"],
  [413, "file-too-large", false, "refuse"],
  [423, "", true, "retry"],
  [423, "upload-busy", true, "retry"],
  [423, "locked", true, "refuse"],
  [423, "files-refused", false, "refuse"],
  [429, "", true, "retry"],
  [429, "too-many-uploads", false, "doubt"],
  [500, "", true, "doubt"],
  [503, "", false, "retry"],
  [507, "disk-full", true, "refuse"],
]) {
  test(`${status} ${code} ${isUpload ? "of an upload" : ""} means ${action}`, () => {
    assert.equal(actionOf(status, code, isUpload), action);
  });
}

test("speed is that of the last seconds", () => {
  const meter = new Meter();

  meter.add(0, 0);
  assert.equal(meter.speed, null);
  for (let second = 1; second <= 60; second += 1) meter.add(second * 1000, second * 100);
  assert.equal(meter.speed, 100);
  for (let second = 61; second <= 80; second += 1) meter.add(second * 1000, 6000);
  assert.equal(meter.speed, 0);
  assert.equal(meter.left(100), null);
});

test("bytes that are taken back begin the speed anew", () => {
  const meter = new Meter();

  meter.add(0, 0);
  meter.add(5000, 5000);
  assert.equal(meter.left(2000), 2);
  meter.add(6000, 1000);

  assert.equal(meter.speed, null);
});

test("what the server tells is matched by place, size and time of change", () => {
  const known = new Known();
  const told = { url: "/uploads/1", folder: 7, path: "a/b", length: 5, offset: 2 };
  const file = { folder: 7, path: "a/b", size: 5, modified: 1500 };
  known.add(recordOf({ ...told, modified_at: "1970-01-01T00:00:01.500Z" }));

  assert.equal(known.find(file).same.offset, 2);
  assert.equal(known.find({ ...file, modified: 1501 }).changed.url, "/uploads/1");
  assert.equal(known.find({ ...file, size: 6 }).changed.url, "/uploads/1");
  assert.deepEqual(known.find({ ...file, folder: 8 }), {});
});

test("an upload that does not say when its file was changed is gone on with by nothing", () => {
  const known = new Known();
  known.add(recordOf({ url: "/uploads/1", folder: 7, path: "a", length: 5, offset: 2, modified_at: null }));

  assert.equal(known.find({ folder: 7, path: "a", size: 5, modified: 0 }).same, undefined);
});

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

test("figures are written as the reader's language writes them", () => {
  const english = new Texts({ units: UNITS }, "en");
  const russian = new Texts({ units: ["Б", "КиБ", "МиБ"] }, "ru");

  assert.deepEqual(
    [0, 1023, 1024, 1536, 1048575, 150 * MIB, 3 * 2 ** 50 * 1024].map((n) => english.size(n)),
    ["0 B", "1,023 B", "1 KiB", "1.5 KiB", "1 MiB", "150 MiB", "3,072 PiB"].map((text) => text.replace(" ", "\u00a0")),
  );
  assert.equal(russian.size(1.5 * MIB), "1,5\u00a0МиБ");
  assert.equal(english.percent(0.999), "99%");
  assert.equal(english.percent(1), "100%");
  assert.deepEqual([1, 59, 61, 5400, 200_000].map((n) => english.span(n)), ["5 sec", "60 sec", "1 min", "2 hr", "2 days"]);
  assert.equal(russian.span(120), "2 мин");
});

test("gaps of sentences are filled, and never as patterns", () => {
  const texts = new Texts({ a: "%(path)s: %(path)s %(none)s", faults: { known: "k", other: "o" } }, "en");

  assert.equal(texts.say("a", { path: "$&" }), "$&: $& %(none)s");
  assert.equal(texts.say("missing"), "");
  assert.equal(texts.fault({ told: "t", code: "known" }), "t");
  assert.equal(texts.fault({ told: "", code: "known" }), "k");
  assert.equal(texts.fault({ told: "", code: "?" }), "o");
  assert.equal(texts.fault({ told: "", code: "known", title: "t" }), "k");
  assert.equal(texts.fault({ told: "", code: "?", title: "t" }), "t");
});

// Entries as browsers give them: a folder tells of what is in it a hundred at a time.
function fakeFolder(name, entries) {
  return {
    name,
    createReader: () => {
      const left = [...entries];
      return { readEntries: (resolve) => resolve(left.splice(0, 100)) };
    },
  };
}
const fakeEntry = (name) => ({ name, isFile: true, file: (resolve) => resolve(new File(["x"], name)) });
const dropOf = (...entries) => ({
  items: entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })),
});
globalThis.File ??= (await import("node:buffer")).File;

test("folders are walked to their ends, empty ones are remembered", async () => {
  const many = Array.from({ length: 250 }, (_, n) => fakeEntry(`${n}.txt`));
  const tree = fakeFolder("trip", [fakeFolder("empty", []), fakeFolder("photos", many), fakeEntry("plan")]);

  const { files, folders } = await fromDrop(dropOf(tree, fakeEntry("single")));

  assert.equal(files.length, 252);
  assert.ok(files.some(({ path }) => path === "trip/photos/249.txt"));
  assert.deepEqual(folders, ["trip/empty"]);
});

test("what is dropped and is no file is left", async () => {
  const transfer = { items: [{ kind: "string" }, ...dropOf(fakeEntry("a")).items] };

  assert.equal((await fromDrop(transfer)).files.length, 1);
});

test("an input for a folder gives paths", async () => {
  const input = { files: [{ name: "a", webkitRelativePath: "trip/a" }, { name: "b", webkitRelativePath: "" }] };

  assert.deepEqual((await fromInput(input)).files.map(({ path }) => path), ["trip/a", "b"]);
});

test("too much at once is refused, not begun", async () => {
  const endless = fakeFolder("root", []);
  endless.createReader = () => ({ readEntries: (resolve) => resolve(Array(1000).fill(fakeEntry("x"))) });

  await assert.rejects(fromDrop(dropOf(endless)), TooManyError);
  await assert.rejects(fromInput({ files: { length: LIMIT + 1 } }), TooManyError);
});

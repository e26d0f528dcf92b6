import assert from "node:assert/strict";
import { test } from "node:test";

import { ChunkSize } from "../../files/static/files/js/lib/chunks.js";
import { Fault } from "../../files/static/files/js/lib/faults.js";
import { discard, encodeMetadata, TusUpload } from "../../files/static/files/js/lib/tus.js";
import { FakeServer, fakeFile, lost, says, unreachable } from "./fake_server.js";

const CONTENT = "abcdefghij".repeat(30);

function begin(server, { file = fakeFile(CONTENT), chunk = 100, url } = {}) {
  const waits = [];
  const urls = [];
  const waiting = {
    wait: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
    },
  };
  const upload = new TusUpload({
    endpoint: "/uploads/",
    url,
    file,
    metadata: { folder: 7, relativePath: "a/b.txt" },
    send: server.send,
    chunks: new ChunkSize(chunk),
    waiting,
    clock: () => 0,
    random: () => 1,
    onUrl: (created) => urls.push(created),
  });
  return { upload, waits, urls, run: (signal = new AbortController().signal) => upload.run(signal) };
}

function contentOf(server, url = "/uploads/1") {
  return server.uploads.get(url).bytes;
}

test("a file goes in chunks, each where the server stands", async () => {
  const server = new FakeServer();
  const { run, urls } = begin(server);

  await run();

  assert.equal(contentOf(server), CONTENT);
  // Chunks that go quickly grow.
  assert.deepEqual(server.log, ["POST", "PATCH 0", "PATCH 100"]);
  assert.deepEqual(urls, ["/uploads/1"]);
});

test("an empty file needs no chunk", async () => {
  const server = new FakeServer();

  await begin(server, { file: fakeFile("") }).run();

  assert.deepEqual(server.log, ["POST"]);
});

test("an upload of earlier goes on with the rest only", async () => {
  const server = new FakeServer();
  server.uploads.set("/uploads/1", { length: 300, bytes: CONTENT.slice(0, 250) });

  await begin(server, { url: "/uploads/1" }).run();

  assert.deepEqual(server.log, ["HEAD", "PATCH 250"]);
  assert.equal(contentOf(server), CONTENT);
  assert.equal(server.sent, 50);
});

test("a connection that is cut in a chunk costs only what did not arrive", async () => {
  const server = new FakeServer();
  server.accidents = [null, null, server.cutAt(70)];

  await begin(server).run();

  assert.equal(contentOf(server), CONTENT);
  assert.equal(server.sent, CONTENT.length);
  assert.deepEqual(server.log.slice(2, 5), ["PATCH 100", "HEAD", "PATCH 170"]);
});

test("a lost answer is asked for, and nothing is sent twice", async () => {
  const server = new FakeServer();
  server.accidents = [null, lost];

  await begin(server, { chunk: 300 }).run();

  assert.deepEqual(server.log, ["POST", "PATCH 0", "HEAD"]);
  assert.equal(contentOf(server), CONTENT);
});

test("a server that is away is waited for, longer each time, until it is back", async () => {
  const server = new FakeServer();
  server.accidents = [null, ...Array(8).fill(unreachable)];
  const { run, waits } = begin(server);

  await run();

  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(contentOf(server), CONTENT);
});

test("progress makes the next wait short again", async () => {
  const server = new FakeServer();
  server.accidents = [null, unreachable, unreachable, null, null, unreachable];
  const { run, waits } = begin(server);

  await run();

  assert.deepEqual(waits, [1000, 2000, 1000]);
});

for (const status of [408, 423, 429, 502, 503, 504]) {
  test(`${status} is waited out`, async () => {
    const server = new FakeServer();
    server.accidents = [null, says(status)];
    const { run, waits } = begin(server);

    await run();

    assert.equal(waits.length, 1);
    assert.equal(contentOf(server), CONTENT);
  });
}

test("Retry-After is kept to", async () => {
  const server = new FakeServer();
  server.accidents = [says(503, "", { "Retry-After": "20" })];
  const { run, waits } = begin(server);

  await run();

  assert.deepEqual(waits, [20_000]);
});

test("a 409 asks where the upload stands, at once", async () => {
  const server = new FakeServer();
  server.accidents = [null, says(409, "offset-conflict")];
  const { run, waits } = begin(server);

  await run();

  assert.deepEqual(server.log.slice(0, 4), ["POST", "PATCH 0", "HEAD", "PATCH 0"]);
  assert.deepEqual(waits, []);
});

test("two that write the same upload do not chase each other", async () => {
  const server = new FakeServer();
  const taken = says(409, "upload-taken-over");
  const other = (_request, go) => {
    server.uploads.get("/uploads/1").bytes += "abcdefghij"; // what the other one brings
    return go();
  };
  server.accidents = [null, taken, other, taken, other, taken, null];
  const { run, waits } = begin(server);

  await run();

  assert.deepEqual(waits, [4000, 8000, 16000]);
  assert.equal(contentOf(server), CONTENT);
});

test("a 413 of a proxy makes the chunks smaller, for good", async () => {
  const server = new FakeServer();
  const limit = 200_000;
  const refuse = (request, go) => (request.body?.size > limit ? says(413)() : go());
  server.accidents = Array(40).fill(refuse);
  const text = "x".repeat(1_000_000);

  await begin(server, { file: fakeFile(text), chunk: 2 ** 20 }).run();

  assert.equal(contentOf(server), text);
  const refused = server.log.filter((line) => line === "HEAD").length;
  assert.equal(refused, 3); // 1,000,000 → 500,000 → 250,000 → 125,000
});

test("a 413 with a code is the server's own, and told", async () => {
  const server = new FakeServer();
  server.accidents = [says(413, "file-too-large")];

  await assert.rejects(begin(server).run(), { action: "refuse", code: "file-too-large" });
});

test("a 413 for what no proxy can find too large is told", async () => {
  const server = new FakeServer();
  server.accidents = [null, says(413)];

  await assert.rejects(begin(server).run(), { action: "refuse", status: 413 });
});

for (const [status, code] of [
  [507, "quota-exceeded"],
  [403, "forbidden"],
  [415, "type-refused"],
  [422, "invalid-name"],
  [409, "entry-exists"],
]) {
  test(`${status} ${code} is told, and not tried again`, async () => {
    const server = new FakeServer();
    server.accidents = [says(status, code)];

    await assert.rejects(begin(server).run(), { action: "refuse", code, told: `about ${code}` });
    assert.deepEqual(server.log, ["POST"]);
  });
}

test("who is signed out is asked to sign in, and the upload is kept", async () => {
  const server = new FakeServer();
  server.accidents = [null, null, says(401, "sign-in-required")];
  const { run, upload } = begin(server);

  await assert.rejects(run(), { action: "sign-in" });

  assert.equal(upload.url, "/uploads/1");
  assert.equal(contentOf(server), CONTENT.slice(0, 100));
});

for (const status of [404, 410]) {
  test(`an upload that is gone (${status}) is begun anew`, async () => {
    const server = new FakeServer();
    server.accidents = [says(status)];
    const { run, urls } = begin(server, { url: "/uploads/gone" });

    await run();

    assert.deepEqual(urls, [undefined, "/uploads/1"]);
    assert.equal(contentOf(server), CONTENT);
  });
}

test("an upload of another length is not gone on with", async () => {
  const server = new FakeServer();
  server.uploads.set("/uploads/1", { length: 400, bytes: "other" });

  await begin(server, { url: "/uploads/1" }).run();

  assert.equal(contentOf(server), "other");
  assert.equal(contentOf(server, "/uploads/2"), CONTENT);
});

test("bytes that arrive damaged again and again are given up", async () => {
  const server = new FakeServer();
  server.accidents = Array(20).fill((request, go) =>
    request.method === "PATCH" ? says(460, "digest-mismatch")() : go(),
  );

  await assert.rejects(begin(server).run(), { code: "digest-mismatch" });
});

test("a fault of the server is tried a few times", async () => {
  const server = new FakeServer();
  server.accidents = Array(20).fill(says(500, "storage-failed"));

  await assert.rejects(begin(server).run(), { code: "storage-failed" });
  assert.equal(server.log.length, 6);
});

test("a file that is changed while it is sent is told", async () => {
  const server = new FakeServer();
  server.accidents = [null, unreachable];

  const { run } = begin(server, { file: fakeFile(CONTENT, { readable: false }) });

  await assert.rejects(run(), { action: "refuse", code: "file-unreadable" });
});

test("who stops it stops it, and it can be gone on with", async () => {
  const server = new FakeServer();
  const controller = new AbortController();
  server.accidents = [null, null, () => controller.abort(new Error("stopped"))];
  const { run, upload } = begin(server);

  await assert.rejects(run(controller.signal), { message: "stopped" });
  await begin(server, { url: upload.url }).run();

  assert.equal(contentOf(server), CONTENT);
  assert.equal(server.sent, CONTENT.length);
});

test("progress is told with the bytes that are under way", async () => {
  const server = new FakeServer();
  const told = [];
  const file = fakeFile(CONTENT);
  server.accidents = [null, (request, go) => (request.onProgress(40), go())];
  const tools = { chunks: new ChunkSize(300), waiting: {}, clock: () => 0 };
  const upload = new TusUpload({
    endpoint: "/uploads/",
    file,
    metadata: {},
    send: server.send,
    onProgress: (bytes) => told.push(bytes),
    ...tools,
  });

  await upload.run(new AbortController().signal);

  assert.deepEqual(told, [0, 40, 300]);
});

test("metadata is Base64 of UTF-8, and what is not known is left out", () => {
  assert.equal(encodeMetadata({ folder: 7, relativePath: "ж.txt", filetype: "" }), "folder Nw==,relativePath 0LYudHh0");
});

test("an upload that is discarded is forgotten, or left to expire", async () => {
  const server = new FakeServer();
  server.uploads.set("/uploads/1", { length: 1, bytes: "" });

  await discard("/uploads/1", server.send);
  server.accidents = [unreachable];
  await discard("/uploads/1", server.send);

  assert.equal(server.uploads.size, 0);
});

test("what is no fault of the way is not swallowed", async () => {
  const broken = { send: () => Promise.reject(new TypeError("bug")) };

  await assert.rejects(begin(broken).run(), TypeError);
  assert.ok(new Fault("retry") instanceof Error);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { LEAST, MOST, putKnown } from "../../files/static/files/js/lib/known.js";
import { answer } from "./fake_server.js";

const ITEM = { folder: 7, path: "trips/a.bin", size: LEAST, file: { lastModified: 5 }, clash: "both" };
const digest = async () => "ab".repeat(32);

function server(...answers) {
  const asked = [];
  const send = async (request) => {
    asked.push(request);
    const next = answers.shift();
    if (next instanceof Error) throw next;
    return next;
  };
  return { asked, send };
}

function told(status, document) {
  return { ...answer(status), text: typeof document === "string" ? document : JSON.stringify(document) };
}

const signal = () => new AbortController().signal;

test("what the server has is not sent", async () => {
  const { asked, send } = server(told(201, { known: true, entry: null }));

  assert.equal(await putKnown(ITEM, { send, digest }, signal()), true);

  assert.equal(asked[0].url, "/uploads/known");
  assert.deepEqual(JSON.parse(asked[0].body), {
    folder: 7,
    path: "trips/a.bin",
    size: LEAST,
    sha256: "ab".repeat(32),
    lastModified: 5,
    clash: "both",
  });
});

test("what it has not, and every fault of asking, leaves the file to be sent", async () => {
  const answers = [
    told(200, { known: false, entry: null }),
    told(201, "<p>a proxy's page"),
    told(201, { known: false }),
    told(403, { code: "forbidden" }),
    told(401, ""),
    told(429, ""),
    told(500, ""),
    new Error("no network"),
  ];
  for (const one of answers) {
    assert.equal(await putKnown(ITEM, { send: server(one).send, digest }, signal()), false);
  }
});

test("a file that cannot be read, or hashed, is left to be sent", async () => {
  const { asked, send } = server();
  const broken = async () => {
    throw new DOMException("gone", "NotReadableError");
  };

  assert.equal(await putKnown(ITEM, { send, digest: broken }, signal()), false);
  assert.equal(await putKnown(ITEM, { send, digest: null }, signal()), false);
  assert.deepEqual(asked, []);
});

test("small and very large files are not asked about", async () => {
  const { asked, send } = server();

  for (const size of [0, LEAST - 1, MOST + 1]) {
    assert.equal(await putKnown({ ...ITEM, size }, { send, digest }, signal()), false);
  }
  assert.deepEqual(asked, []);
});

test("who stops it is obeyed while it hashes and while it asks", async () => {
  const hashing = new AbortController();
  const slow = async () => {
    hashing.abort();
    return "ab".repeat(32);
  };
  const { asked, send } = server();
  await assert.rejects(putKnown(ITEM, { send, digest: slow }, hashing.signal), { name: "AbortError" });
  assert.deepEqual(asked, []);

  const asking = new AbortController();
  const sends = async (request) => {
    asking.abort();
    throw request.signal.reason;
  };
  await assert.rejects(putKnown(ITEM, { send: sends, digest }, asking.signal), { name: "AbortError" });
});

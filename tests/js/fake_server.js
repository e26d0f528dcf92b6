// A tus server in memory, with the accidents that happen on the way to one.

import { Fault } from "../../files/static/files/js/lib/faults.js";

const JSON_TYPE = "application/problem+json";

export function answer(status, headers = {}, problem = null) {
  const all = problem ? { ...headers, "Content-Type": JSON_TYPE } : headers;
  return { status, text: problem ? JSON.stringify(problem) : "", header: (name) => all[name] ?? null };
}

export class FakeServer {
  uploads = new Map(); // by URL: {length, bytes, metadata}
  log = []; // "PATCH 0", in the order in which they came
  sent = 0; // bytes of bodies that reached it
  known = new Set(); // digests
  accidents = []; // of the next requests: a function (request, go) => answer, or null for none

  send = async (request) => {
    request.signal?.throwIfAborted();
    this.log.push(`${request.method} ${request.headers["Upload-Offset"] ?? ""}`.trim());
    const accident = this.accidents.shift();
    const result = await (accident ? accident(request, () => this.#go(request)) : this.#go(request));
    request.signal?.throwIfAborted();
    return result;
  };

  // Take only so many bytes of a body, then lose the connection.
  cutAt(bytes) {
    return (request) => {
      this.#append(request.url, request.body.slice(0, bytes));
      throw new Fault("retry");
    };
  }

  async #go({ method, url, headers, body }) {
    if (url === "/uploads/known") {
      const known = this.known.has(JSON.parse(body).sha256);
      return { ...answer(known ? 201 : 200), text: JSON.stringify({ known, entry: null }) };
    }
    if (method === "POST") {
      const created = `/uploads/${this.uploads.size + 1}`;
      const length = Number(headers["Upload-Length"]);
      this.uploads.set(created, { length, bytes: "", metadata: headers["Upload-Metadata"] });
      return answer(201, { Location: created });
    }
    const upload = this.uploads.get(url);
    if (!upload) return answer(404);
    const told = () => ({
      "Upload-Offset": String(upload.bytes.length),
      "Upload-Length": String(upload.length),
    });
    if (method === "HEAD") return answer(200, told());
    if (method === "DELETE") {
      this.uploads.delete(url);
      return answer(204);
    }
    if (Number(headers["Upload-Offset"]) !== upload.bytes.length) {
      return answer(409, {}, { code: "offset-conflict" });
    }
    await this.#append(url, body);
    return answer(204, told());
  }

  #append(url, body) {
    const upload = this.uploads.get(url);
    this.sent += body.size;
    upload.bytes += body.text;
  }
}

export const lost = async (_request, go) => {
  await go();
  throw new Fault("retry");
};

export const unreachable = () => {
  throw new Fault("retry");
};

export const says = (status, code = "", headers = {}) => () =>
  answer(status, headers, code ? { code, detail: `about ${code}` } : null);

// A file of letters; slices know their letters too.
export function fakeFile(text, { lastModified = 1, readable = true } = {}) {
  return {
    text,
    size: text.length,
    lastModified,
    slice: (from, to) => fakeFile(text.slice(from, to), { readable }),
    arrayBuffer: () => (readable ? Promise.resolve() : Promise.reject(new Error("changed"))),
  };
}

// What goes through the pages' own forms: small files, many in one request, and empty folders.

import { faultOf, Fault } from "../lib/faults.js";

const JSON_WANTED = { Accept: "application/json" };

export class Door {
  #token;
  #send;
  #folders = new Map(); // ids by folder and path, of what was made or found

  constructor({ token, send }) {
    this.#token = token;
    this.#send = send;
  }

  // Send files into a folder, all or none. Rejects with a Fault.
  async sendFiles(items, { signal, onProgress }) {
    const [{ folder, clash }] = items;
    // Packing many files takes its time: in a task of its own, the page answers in between.
    await new Promise((resolve) => setTimeout(resolve));
    const form = new FormData();
    form.append("csrfmiddlewaretoken", this.#token); // first: nothing is taken before it
    form.append("clash", clash);
    form.append("lastModified", items.map(({ file }) => file.lastModified).join(","));
    for (const { file, path } of items) form.append("files", file, path);
    const request = { method: "POST", url: `/upload/${folder}`, headers: JSON_WANTED };
    const answer = await this.#send({ ...request, body: form, signal, onProgress });
    if (answer.status >= 300) throw faultOf(answer);
    // A sign-in page, for one, is no answer to it.
    if (!answer.header("Content-Type")?.includes("json")) throw new Fault("sign-in");
  }

  // Make a folder with those above it, where they are not there yet. Rejects with a Fault.
  async makeFolder(folder, path, signal) {
    let parent = folder;
    let sofar = "";
    for (const name of path.split("/")) {
      sofar += `/${name}`;
      const key = `${folder}${sofar}`;
      if (!this.#folders.has(key)) this.#folders.set(key, await this.#make(parent, name, signal));
      parent = this.#folders.get(key);
    }
  }

  async #make(parent, name, signal) {
    const body = new URLSearchParams({ csrfmiddlewaretoken: this.#token, name });
    const request = { method: "POST", url: `/folders/${parent}/new/`, headers: JSON_WANTED };
    const answer = await this.#send({ ...request, body, signal });
    if (answer.status >= 300) {
      const fault = faultOf(answer);
      // Django's own page about the token has no code.
      if (answer.status === 403 && !fault.code) fault.action = "token";
      throw fault;
    }
    try {
      return JSON.parse(answer.text).id;
    } catch {
      throw new Fault("sign-in");
    }
  }

  // Take a token that belongs to the cookie of now: signing in anew changes it.
  async renewToken(folder, signal) {
    const answer = await this.#send({ method: "GET", url: `/upload/${folder}`, signal });
    const page = new DOMParser().parseFromString(answer.text, "text/html");
    const field = page.querySelector("main input[name=csrfmiddlewaretoken]");
    if (answer.status !== 200 || !field) throw new Fault("sign-in");
    this.#token = field.value;
  }
}

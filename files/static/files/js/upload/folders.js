// Empty folders that are still to be made, and those that could not be.

import { persist } from "../lib/persist.js";

export class Folders {
  faults = []; // {folder, path, fault}
  isUsed = false; // whether there was ever one to make
  #pending = [];
  #tools;

  // tools: door, waiting, changed(), onSignedOut().
  constructor(tools) {
    this.#tools = tools;
  }

  add(paths, folder) {
    this.isUsed ||= paths.length > 0;
    for (const path of paths) this.#pending.push({ folder, path });
  }

  // Give the next one as a job, for a lane.
  next() {
    const [wanted] = this.#pending.splice(0, 1);
    return wanted ? () => this.#make(wanted) : null;
  }

  async #make(wanted) {
    const { door, waiting, changed, onSignedOut } = this.#tools;
    const renew = () => door.renewToken(wanted.folder);
    try {
      await persist(() => door.makeFolder(wanted.folder, wanted.path), { waiting, renew });
    } catch (fault) {
      if (fault.action === "sign-in") {
        this.#pending.push(wanted);
        onSignedOut();
      } else this.faults.push({ ...wanted, fault });
    }
    changed();
  }
}

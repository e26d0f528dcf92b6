// Mounts js/<behaviour>.js on the elements that ask for it. Every page works without this.

import * as localTimes from "./local-times.js";
import * as menu from "./menu.js";
import * as selection from "./selection.js";
import * as upload from "./upload.js";

const behaviours = { menu, selection, upload };

for (const element of document.querySelectorAll("[data-behaviour]")) {
  behaviours[element.dataset.behaviour]?.mount(element);
}
localTimes.mount(document);

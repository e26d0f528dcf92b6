// Drops anywhere on the page; the page shows that it takes them.

import { fromDrop } from "./walk.js";

export function watchDrops(root, add) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (isOver) => root.toggleAttribute("data-over", isOver);

  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    show(true);
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) show(false); // out of the window
  });
  window.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(false);
    add(fromDrop(event.dataTransfer));
  });
}

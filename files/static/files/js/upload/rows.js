// The list of files on their way: those that run, wait or failed, in their order, and only so many of
// them; the page stays quick with a hundred thousand.

const SHOWN = 100;
const AT_ONCE = 25; // rows that are made in one go: the page must answer meanwhile

export class Rows {
  #list;
  #template;
  #texts;
  #rows = new Map(); // by item

  constructor(list, template, texts) {
    this.#list = list;
    this.#template = template;
    this.#texts = texts;
  }

  isBehind = false; // whether rows are still to be made, at the next look

  // Show the items; gives how many are left out. now is a time in ms.
  show(items, now) {
    const wanted = this.#choose(items);
    const chosen = new Set(wanted);
    for (const [item, row] of this.#rows) if (!chosen.has(item)) this.#remove(item, row);
    const missing = wanted.filter((item) => !this.#rows.has(item));
    for (const item of missing.splice(0, AT_ONCE)) this.#insert(item);
    this.isBehind = missing.length > 0;
    for (const item of this.#rows.keys()) this.#update(item, now);
    return items.filter((item) => item.state !== "cancelled").length - wanted.length;
  }

  // The most telling ones, by their ranks; then all in their order.
  #choose(items) {
    const present = items.filter((item) => item.state !== "cancelled");
    if (present.length <= SHOWN) return present;
    const ranked = [[], [], [], [], []];
    for (const item of present) ranked[rankOf(item)].push(item);
    ranked.at(-1).reverse();
    const kept = new Set(ranked.flat().slice(0, SHOWN));
    return present.filter((item) => kept.has(item));
  }

  #insert(item) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.querySelector("[data-part=name]").textContent = item.path;
    const progress = row.querySelector("progress");
    progress.setAttribute("aria-label", item.path);
    progress.max = item.size || 1;
    for (const button of row.querySelectorAll("button")) {
      button.dataset.item = item.id;
      button.setAttribute("aria-label", `${button.dataset.label} ${item.path}`);
      button.title = button.dataset.label;
    }
    this.#rows.set(item, row);
    // Items are numbered in their order.
    const after = [...this.#list.children].find((other) => Number(other.dataset.id) > item.id);
    row.dataset.id = item.id;
    this.#list.insertBefore(row, after ?? null);
  }

  #remove(item, row) {
    const hasFocus = row.contains(document.activeElement);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    this.#rows.delete(item);
    if (hasFocus) focusIn(next ?? this.#list.closest("section"));
  }

  #update(item, now) {
    const row = this.#rows.get(item);
    const status = this.#status(item, now);
    if (row.dataset.state !== item.state || row.dataset.batched !== String(item.isBatched)) {
      row.dataset.state = item.state;
      row.dataset.batched = item.isBatched;
      this.#offer(item, row);
    }
    setText(row.querySelector("[data-part=status]"), status);
    row.querySelector("progress").value = item.state === "done" ? item.size || 1 : item.sent;
  }

  // Show the buttons that make sense; the focus stays in the row.
  #offer(item, row) {
    const hadFocus = row.contains(document.activeElement);
    const isIdle = item.state === "paused" || item.state === "failed";
    const offered = {
      pause: item.isOpen && !item.isBatched,
      resume: item.state === "paused",
      retry: item.state === "failed",
      cancel: (item.isOpen && !item.isBatched) || isIdle,
    };
    for (const button of row.querySelectorAll("button")) {
      button.hidden = !offered[button.dataset.action];
    }
    if (hadFocus && !row.contains(document.activeElement?.closest("button:not([hidden])"))) {
      focusIn(row);
    }
  }

  #status(item, now) {
    const texts = this.#texts;
    const size = texts.size(item.size);
    const share = { percent: texts.percent(item.size ? item.sent / item.size : 0), size };
    switch (item.state) {
      case "running":
        return item.sent < item.size ? texts.say("sent", share) : texts.say("placing", { size });
      case "paused":
        return texts.say("paused", share);
      case "retrying":
        return texts.say("retrying", { time: texts.span(Math.max(0, item.retryAt - now) / 1000) });
      case "failed":
        return texts.fault(item.fault);
      default:
        return texts.say(item.state, { size });
    }
  }
}

// What failed comes first, then what runs by itself, with others, or not yet; what was done last comes
// before what was done before.
function rankOf(item) {
  if (item.state === "failed") return 0;
  if (item.isRunning) return item.isBatched ? 2 : 1;
  return item.state === "done" ? 4 : 3;
}

// Setting the same text again would be told to screen readers, and laid out again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function focusIn(place) {
  const button = place?.querySelector("button:not([hidden])");
  if (button) button.focus();
  else place?.closest("section")?.focus();
}

// Ticked rows: one box for all of them, a range with Shift, and how many they are.

export function mount(form) {
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const label = form.querySelector("[data-part=all]");
  const all = label.querySelector("input");
  const count = form.querySelector("[data-part=count]");
  let last = null;

  function show() {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && !all.checked;
    if (count) count.textContent = ticked ? `${count.dataset.text} ${ticked}` : "";
  }

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  form.addEventListener("click", (event) => {
    const index = boxes.indexOf(event.target);
    if (index < 0) return;
    if (event.shiftKey && last !== null) {
      const [from, to] = [Math.min(last, index), Math.max(last, index)];
      for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
    }
    last = index;
    show();
  });
  // Back and forward bring ticks back after the scripts have run.
  window.addEventListener("pageshow", show);
  label.hidden = false;
  show();
}

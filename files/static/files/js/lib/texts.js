// Figures as the reader's language writes them, and sentences with their gaps filled.

const STEP = 1024;

export class Texts {
  #texts;
  #lang;

  constructor(texts, lang) {
    this.#texts = texts;
    this.#lang = lang;
  }

  // Fill the gaps of a text: %(name)s.
  say(key, values = {}) {
    const text = this.#texts[key] ?? "";
    return text.replace(/%\((\w+)\)s/g, (gap, name) => String(values[name] ?? gap));
  }

  // Why something failed: in the server's words, ours for its code, or its own title.
  fault(fault) {
    const { faults } = this.#texts;
    return fault.told || faults[fault.code] || fault.title || faults.other;
  }

  size(bytes) {
    const units = this.#texts.units;
    let [value, unit] = [bytes, 0];
    while (value >= STEP - 0.05 && unit < units.length - 1) [value, unit] = [value / STEP, unit + 1];
    const digits = value < 99.95 && unit > 0 ? 1 : 0;
    return `${this.#number(value, { maximumFractionDigits: digits })}\u00a0${units[unit]}`;
  }

  percent(share) {
    const whole = Math.floor(share * 100 + 1e-9) / 100; // all of it is only said at the end
    return this.#number(whole, { style: "percent" });
  }

  count(number) {
    return this.#number(number);
  }

  // A time span, no more exact than it can be known.
  span(seconds) {
    if (seconds < 60) return this.#unit(Math.max(5, Math.ceil(seconds / 5) * 5), "second");
    if (seconds < 5400) return this.#unit(Math.round(seconds / 60), "minute");
    if (seconds < 129_600) return this.#unit(Math.round(seconds / 3600), "hour");
    return this.#unit(Math.round(seconds / 86_400), "day");
  }

  #unit(value, unit) {
    return this.#number(value, { style: "unit", unit, unitDisplay: "short" });
  }

  #number(value, options) {
    return new Intl.NumberFormat(this.#lang, options).format(value);
  }
}

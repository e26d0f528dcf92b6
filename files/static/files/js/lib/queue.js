// A lane in which so many jobs run at once. Jobs are asked for when there is room, not kept.

export class Lane {
  #running = 0;
  #limit;
  #take;

  // take gives the next job, a function that returns a promise; nothing where there is none now.
  constructor(limit, take) {
    this.#limit = limit;
    this.#take = take;
  }

  get running() {
    return this.#running;
  }

  // Start what there is room for; called whenever there may be something new.
  pump() {
    while (this.#running < this.#limit) {
      const job = this.#take();
      if (!job) return;
      this.#running += 1;
      job().finally(() => {
        this.#running -= 1;
        this.pump();
      });
    }
  }
}

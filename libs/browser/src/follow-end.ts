const NEAR = 60;

/** Keeps a scrolling log at its newest line, unless the reader has scrolled up. */
export class EndFollower {
  private atEnd = true;

  constructor(private element: HTMLElement) {
    element.addEventListener("scroll", this.look, { passive: true });
  }

  /** After each change of what is shown; `force` goes to the end in any case. */
  settle(force = false): void {
    if (this.atEnd || force) this.element.scrollTop = this.element.scrollHeight;
    this.look();
  }

  stop(): void {
    this.element.removeEventListener("scroll", this.look);
  }

  private look = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
  };
}

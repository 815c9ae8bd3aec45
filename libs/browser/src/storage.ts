/** Strings kept in the browser under one prefix; in memory where the browser refuses or the site asked for it. */
export interface Drawer {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  keys(): string[];
}

class MemoryDrawer implements Drawer {
  private values = new Map<string, string>();

  get(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  set(key: string, value: string): void {
    this.values.set(key, value);
  }

  remove(key: string): void {
    this.values.delete(key);
  }

  keys(): string[] {
    return [...this.values.keys()];
  }
}

class BrowserDrawer implements Drawer {
  /** What the browser would not take (storage full): held here so that this page at least has it. */
  private overflow = new MemoryDrawer();

  constructor(private prefix: string) {}

  get(key: string): string | null {
    return localStorage.getItem(this.prefix + key) ?? this.overflow.get(key);
  }

  set(key: string, value: string): void {
    try {
      localStorage.setItem(this.prefix + key, value);
    } catch {
      this.overflow.set(key, value);
    }
  }

  remove(key: string): void {
    localStorage.removeItem(this.prefix + key);
    this.overflow.remove(key);
  }

  keys(): string[] {
    const kept = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    return [...kept.map((key) => key.slice(this.prefix.length)), ...this.overflow.keys()];
  }
}

export function openDrawer(prefix: string, memoryOnly = false): Drawer {
  if (memoryOnly) return new MemoryDrawer();
  try {
    localStorage.getItem(prefix);
    return new BrowserDrawer(prefix);
  } catch {
    return new MemoryDrawer(); // A sandboxed frame or a private window throws on the first touch.
  }
}

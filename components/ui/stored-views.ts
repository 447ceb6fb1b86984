/** Views by name, in this browser: there are no accounts that could keep them. Their addresses can be shared. */

export interface StoredView {
  name: string;
  path: string;
  /** With its question mark; empty without parameters. */
  search: string;
}

const KEY = "isimud-views";
const MOST = 100;

export function storedViews(): StoredView[] {
  try {
    const all: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(all) ? all.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is StoredView {
  const { name, path, search } = (value ?? {}) as Partial<StoredView>;
  return typeof name === "string" && typeof path === "string" && path.startsWith("/") && typeof search === "string";
}

/** A view of the same name on the same page is replaced. False: the browser does not keep it. */
export function storeView(view: StoredView): boolean {
  return write([...without(view), view]);
}

export function forgetView(view: StoredView): boolean {
  return write(without(view));
}

function without({ name, path }: StoredView): StoredView[] {
  return storedViews().filter((one) => one.name !== name || one.path !== path);
}

function write(views: StoredView[]): boolean {
  try {
    localStorage.setItem(KEY, JSON.stringify(views.slice(-MOST)));
    return true;
  } catch {
    return false;
  }
}

/** Addresses of the files that lists are exported to. */
import { API_ROOT } from "../api.ts";

/** The lists that pages export. The server has their documents. */
export type ExportName =
  | "queues"
  | "projects"
  | "messages"
  | "claims"
  | "queue-claims"
  | "consumers"
  | "subscriptions"
  | "pools"
  | "flavors"
  | "catalogue"
  | "jobs"
  | "problems"
  | "key-value-stores"
  | "key-value-keys"
  | "key-value-locks"
  | "audit";

/** The address of all settings as one file. */
export const settingsHref = () => `${API_ROOT}/export/settings.json`;

/** Which page it is. An export has them all. */
const PAGE = new Set(["first", "after", "last", "before"]);

/** The address of a list as a file: with these arguments of the list, however deep, and without those that are null. */
export function exportHref(list: ExportName, format: "csv" | "ndjson", variables: object): string {
  const parameters = new URLSearchParams();
  add(parameters, [], variables);
  const query = parameters.toString();
  return `${API_ROOT}/export/${list}.${format}${query === "" ? "" : `?${query}`}`;
}

function add(parameters: URLSearchParams, path: readonly string[], value: unknown): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    for (const one of value) add(parameters, path, one);
  } else if (typeof value === "object") {
    for (const [name, inner] of Object.entries(value)) {
      if (path.length > 0 || !PAGE.has(name)) add(parameters, [...path, name], inner);
    }
  } else {
    parameters.append(path.join("."), String(value));
  }
}

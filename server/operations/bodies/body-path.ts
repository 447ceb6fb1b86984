/**
 * Paths into JSON, as RFC 9535 writes them, without filters, slices and positions from the end: `$.card.number`,
 * `$.items[*].secret`, `$["a.b"][0]`, `$..password`.
 */
import { badInput } from "../input/limits.ts";

/** One step down. */
export interface PathStep {
  /** A member by its name, an item by its position, or every child. */
  readonly child: string | number | "*";
  readonly kind: "name" | "index" | "every";
  /** At any depth: `..`. */
  readonly deep: boolean;
}

/** At least one step. */
export type BodyPath = readonly PathStep[];

const STEP =
  /(\.\.|\.)?(?:(?<every>\*)|(?<name>[\p{L}_][\p{L}\p{N}_-]*)|\[(?:(?<all>\*)|(?<index>0|[1-9]\d{0,8})|(?<quoted>"(?:[^"\\]|\\.)*")|'(?<single>(?:[^'\\]|\\.)*)')\])/uy;

/** BAD_INPUT that names `field`. */
export function readBodyPath(field: string, path: string): BodyPath {
  const steps: PathStep[] = [];
  if (path[0] !== "$") throw notAPath(field, path);
  for (STEP.lastIndex = 1; STEP.lastIndex < path.length; ) {
    const match = STEP.exec(path);
    const groups = match?.groups ?? {};
    const dots = match?.[1];
    const isBracket = match?.[0].endsWith("]") === true;
    // A dot goes before a name, and two before a bracket only where it means any depth.
    if (match === null || (isBracket ? dots === "." : dots === undefined)) throw notAPath(field, path);
    const child = childOf(groups);
    if (child === null) throw notAPath(field, path);
    steps.push({ ...child, deep: dots === ".." });
  }
  if (steps.length === 0) throw notAPath(field, path);
  return steps;
}

function childOf(groups: Record<string, string | undefined>): Pick<PathStep, "child" | "kind"> | null {
  const { every, all, name, index, quoted, single } = groups;
  if (every !== undefined || all !== undefined) return { kind: "every", child: "*" };
  if (name !== undefined) return { kind: "name", child: name };
  if (index !== undefined) return { kind: "index", child: Number(index) };
  const text = quoted ?? `"${single?.replaceAll(/\\'|"/g, (found) => (found === '"' ? '\\"' : "'"))}"`;
  try {
    return { kind: "name", child: JSON.parse(text) as string };
  } catch {
    return null;
  }
}

function notAPath(field: string, path: string) {
  const shown = path.slice(0, 80).toWellFormed();
  return badInput(
    field,
    `${field}: ${shown} is no path into a body. Write one such as $.card.number, $.items[*].secret, $["a.b"] or $..password.`,
  );
}

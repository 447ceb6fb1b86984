/** What the errors of all operations tell: the names that the call was about. */
import { type Access, projectsOf } from "../access/access.ts";
import { withDetails } from "../errors.ts";

/** What `name` and `id` mean in the parameters of a noun's operations. */
export interface OwnNames {
  name?: string;
  id?: string;
}

/** Parameters that are names. They have the same names in `details`. */
const NAMES = ["project", "queue", "pool", "flavor", "store", "key", "claimId"];
/** Characters. A longer text in place of a name is not repeated. */
const MAX_LENGTH = 1024;

type Operation = (...args: unknown[]) => unknown;

/**
 * The same operations, whose errors have in `details` the names that the caller gave, beside what they say already.
 * `note` is called at the end of each call: with its error, or with null when it succeeded. It is not called for
 * streams.
 */
export function namingErrors<T extends object>(
  operations: T,
  own: OwnNames = {},
  note: (error: unknown) => void = () => {},
): T {
  const succeeded = <Result>(result: Result): Result => {
    note(null);
    return result;
  };
  const naming =
    (operation: Operation): Operation =>
    (...args) => {
      const failed = (error: unknown): never => {
        throw withDetails(error, namesOf(args, own));
      };
      let result: unknown;
      try {
        result = operation(...args);
      } catch (error) {
        return failed(error);
      }
      if (isStream(result)) return namingStream(result, failed);
      if (!(result instanceof Promise)) return result;
      return result.then(succeeded, (error) => {
        note(error);
        return failed(error);
      });
    };
  const entries = Object.entries(operations).map(([name, member]) => [
    name,
    typeof member === "function" ? naming(member as Operation) : member,
  ]);
  return Object.fromEntries(entries);
}

function namesOf([access, params]: unknown[], own: OwnNames): Record<string, string> {
  const names: Record<string, string> = {};
  const given = (params ?? {}) as Readonly<Record<string, unknown>>;
  const add = (name: string | undefined, value: unknown) => {
    if (name !== undefined && typeof value === "string" && value.length <= MAX_LENGTH) names[name] = value;
  };
  if ("queue" in given || own.name === "queue") add("project", onlyProject(access as Access));
  for (const name of NAMES) add(name, given[name]);
  add(own.name, given.name);
  add(own.id, given.id);
  return names;
}

/** The one that a caller may leave out. */
function onlyProject(access: Access): string | undefined {
  const projects = projectsOf(access);
  return projects !== "all" && projects.length === 1 ? projects[0] : undefined;
}

type Stream = AsyncIterableIterator<unknown>;

function isStream(result: unknown): result is Stream {
  return typeof result === "object" && result !== null && Symbol.asyncIterator in result;
}

function namingStream(stream: Stream, failed: (error: unknown) => never): Stream {
  const named: Stream = {
    next: () => stream.next().catch(failed),
    return: (value) => stream.return?.(value) ?? Promise.resolve({ value, done: true }),
    throw: (error) => stream.throw?.(error) ?? Promise.reject(error),
    [Symbol.asyncIterator]: () => named,
  };
  return named;
}

/** The settings file: pools, flavors, and queues with their settings, as JSON that people keep and compare. */
import { DomainError } from "../../errors.ts";
import { arrayItems, checkObjectText, objectMembers, objectText } from "../input/json-text.ts";
import { badInput, checkText } from "../input/limits.ts";

export const SETTINGS_FORMAT = "isimud-settings";
/** Grows when an older version would misread a file. */
export const SETTINGS_VERSION = 1;

export interface PoolSettings {
  name: string;
  /** With its password masked when it was exported. What is undefined is not in the file. */
  uri?: string;
  weight?: number;
  flavor?: string | null;
  /** JSON text of an object. */
  optionsText?: string;
}

export interface FlavorSettings {
  project: string;
  name: string;
}

export interface QueueSettings {
  project: string;
  name: string;
  /** JSON text of an object, exactly as it is in the file. */
  metadataText: string;
}

export interface Settings {
  pools: PoolSettings[];
  flavors: FlavorSettings[];
  queues: QueueSettings[];
}

/** One line of the file. Line breaks between the tokens of JSON become spaces. */
const line = (members: readonly (readonly [string, string])[]) =>
  `{${members.map(([name, text]) => `${JSON.stringify(name)}: ${text.replace(/[\r\n]+/g, " ")}`).join(", ")}}`;

export const writePool = ({ name, uri, weight, flavor, optionsText }: Required<PoolSettings>) =>
  line([
    ["name", JSON.stringify(name)],
    ["uri", JSON.stringify(uri)],
    ["weight", String(weight)],
    ["flavor", JSON.stringify(flavor)],
    ["options", optionsText],
  ]);
export const writeFlavor = ({ project, name }: FlavorSettings) =>
  line([
    ["project", JSON.stringify(project)],
    ["name", JSON.stringify(name)],
  ]);
export const writeQueue = ({ project, name, metadataText }: QueueSettings) =>
  line([
    ["project", JSON.stringify(project)],
    ["name", JSON.stringify(name)],
    ["metadata", metadataText],
  ]);

/** The file in parts: an object on each line, so that versions of it compare well. */
export async function* writeSettings(
  lists: Readonly<Record<keyof Settings, AsyncIterable<readonly string[]>>>,
): AsyncGenerator<string> {
  yield `{\n  "format": ${JSON.stringify(SETTINGS_FORMAT)},\n  "version": ${SETTINGS_VERSION}`;
  for (const [name, pages] of Object.entries(lists)) {
    let before = `,\n  ${JSON.stringify(name)}: [`;
    for await (const lines of pages) {
      if (lines.length === 0) continue;
      yield `${before}\n    ${lines.join(",\n    ")}`;
      before = ",";
    }
    yield before === "," ? "\n  ]" : `${before}]`;
  }
  yield "\n}\n";
}

/**
 * Reads a file. BAD_INPUT, with the place, for what is no settings file, for members that it does not know, and for an
 * object that comes twice. NOT_SUPPORTED for the file of a later version. Names and values are not checked here.
 */
export function readSettings(text: string, maxDepth: number): Settings {
  // Three levels above the options of pools and the metadata of queues.
  const members = checkObjectText("file", text, maxDepth + 3);
  const format = members.get("format");
  if (format !== JSON.stringify(SETTINGS_FORMAT)) {
    throw badInput("file", `This is no settings file: its "format" must be ${JSON.stringify(SETTINGS_FORMAT)}.`);
  }
  const version = Number(members.get("version"));
  if (!Number.isSafeInteger(version) || version < 1) throw badInput("file.version", "file.version must be a number.");
  if (version > SETTINGS_VERSION) {
    throw new DomainError(
      "NOT_SUPPORTED",
      `This file has the version ${version}, and this Isimud reads ${SETTINGS_VERSION}. Update it first.`,
      { details: { field: "file.version", value: version, maximum: SETTINGS_VERSION } },
    );
  }
  refuseUnknown("file", members, ["format", "version", "pools", "flavors", "queues"]);
  return {
    pools: read(members, "pools", ["name", "uri", "weight", "flavor", "options"], readPool, ({ name }) => name),
    flavors: read(members, "flavors", ["project", "name"], readFlavor, keyOf),
    queues: read(members, "queues", ["project", "name", "metadata"], readQueue, keyOf),
  };
}

/**
 * The file in parts that can be imported one after the other, each with all pools and flavors and some of the queues.
 * Of a text that is no settings file: the text itself, so that its import says what is wrong with it.
 */
export function splitSettings(text: string, most: { queues: number; bytes: number }): string[] {
  let members: Map<string, string>;
  let queues: string[];
  try {
    JSON.parse(text);
    members = objectMembers(text);
    queues = arrayItems(members.get("queues") ?? "[]");
    // Named twice in two parts, a queue would be imported twice.
    if (new Set(queues.map(nameOf)).size < queues.length) return [text];
  } catch {
    return [text];
  }
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const queue of queues) {
    const size = Buffer.byteLength(queue);
    const part = parts.at(-1) as string[];
    if (part.length > 0 && (part.length >= most.queues || bytes + size > most.bytes)) {
      parts.push([queue]);
      bytes = size;
    } else {
      part.push(queue);
      bytes += size;
    }
  }
  if (parts.length === 1) return [text];
  return parts.map((part) => objectText(new Map([...members, ["queues", `[${part.join(",")}]`]])));
}

const nameOf = (queue: string) => {
  const members = objectMembers(queue);
  return JSON.stringify([members.get("project"), members.get("name")]);
};

const keyOf = ({ project, name }: FlavorSettings) => JSON.stringify([project, name]);

type Members = ReadonlyMap<string, string>;

function read<T>(
  file: Members,
  list: keyof Settings,
  known: readonly string[],
  of: (members: Members, place: string) => T,
  identity: (object: T) => string,
): T[] {
  const text = file.get(list) ?? "[]";
  if (!text.startsWith("[")) throw badInput(`file.${list}`, `file.${list} must be a list.`);
  const seen = new Set<string>();
  return arrayItems(text).map((item, index) => {
    const place = `file.${list}.${index}`;
    if (!item.startsWith("{")) throw badInput(place, `${place} must be an object.`);
    const members = objectMembers(item);
    refuseUnknown(place, members, known);
    const object = of(members, place);
    const key = identity(object);
    if (seen.has(key)) throw badInput(place, `${place} is in the file twice.`);
    seen.add(key);
    return object;
  });
}

function readPool(members: Members, place: string): PoolSettings {
  const value = (name: string) => (members.has(name) ? JSON.parse(members.get(name) as string) : undefined);
  const [uri, weight, flavor, options] = [value("uri"), value("weight"), value("flavor"), members.get("options")];
  if (weight !== undefined && typeof weight !== "number") {
    throw badInput(`${place}.weight`, `${place}.weight must be a number.`);
  }
  return {
    name: textAt(members, "name", place),
    ...(uri === undefined ? {} : { uri: checkText(`${place}.uri`, uri) }),
    ...(weight === undefined ? {} : { weight }),
    ...(flavor === undefined ? {} : { flavor: flavor === null ? null : checkText(`${place}.flavor`, flavor) }),
    ...(options === undefined ? {} : { optionsText: options }),
  };
}

const readFlavor = (members: Members, place: string): FlavorSettings => ({
  project: textAt(members, "project", place),
  name: textAt(members, "name", place),
});

const readQueue = (members: Members, place: string): QueueSettings => ({
  ...readFlavor(members, place),
  metadataText: members.get("metadata") ?? "{}",
});

function textAt(members: Members, name: string, place: string): string {
  const text = members.get(name);
  if (text === undefined) throw badInput(`${place}.${name}`, `${place} needs ${JSON.stringify(name)}.`);
  return checkText(`${place}.${name}`, JSON.parse(text));
}

function refuseUnknown(place: string, members: Members, known: readonly string[]): void {
  for (const name of members.keys()) {
    if (known.includes(name)) continue;
    throw badInput(place, `${place} has ${JSON.stringify(name.slice(0, 100))}. It may have ${known.join(", ")}.`);
  }
}

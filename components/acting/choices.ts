/** What the page for acting on many messages is asked for: all of it is in the address. */
import { paths, readSegment, segment } from "../paths.ts";

export const ACTIONS = ["redrive", "delete", "move", "release", "purge"] as const;
export type ActionName = (typeof ACTIONS)[number];
export const STATES = ["ready", "claimed", "delayed", "exhausted"] as const;
export type StateName = (typeof STATES)[number];

/** Of which messages, and of which queues. */
export type Scope =
  | { kind: "queue"; project: string; name: string }
  | NamedQueues
  | {
      kind: "queues";
      /** Null: of all projects, if they were chosen or the queues are narrowed by another condition. */
      project: string | null;
      allProjects: boolean;
      search: string | null;
      pool: string | null;
      flavor: string | null;
      deadLetters: boolean;
      /** Only those with messages in this state, by their last samples. */
      holds: StateName | null;
      /** Only those whose oldest ready message waits for longer, in seconds, by their last samples. */
      waits: number | null;
    };

/** Those that were selected. */
export interface NamedQueues {
  kind: "named";
  /** Null: they are of several. */
  project: string | null;
  queues: readonly { project: string; name: string }[];
}

export type QueuesScope = Scope & { kind: "queues" };

export interface Choices {
  action: ActionName;
  /** Every message, those that meet conditions, or those with these ids. */
  which: "all" | "match" | "ids";
  body: string | null;
  /** In one of these. None: in any. */
  states: readonly StateName[];
  client: string | null;
  deliveries: number | null;
  /** ISO 8601. */
  from: string | null;
  before: string | null;
  /** Who holds them. */
  holder: string | null;
  /** Their claims end before this time, in ISO 8601. */
  ends: string | null;
  ids: readonly string[];
  /** The oldest so many. */
  limit: number | null;
  /** A queue's name. Null: where each message came from. */
  to: string | null;
  /** Null: the project of the queue. */
  toProject: string | null;
  /** Seconds. */
  ttl: number | null;
  delay: number | null;
  /** Claimed ones, too. */
  force: boolean;
  /** Messages a second. Null: no limit. "auto": what the consumers can take, if that is known. */
  rate: number | "auto" | null;
}

type Read = (name: string) => string | null;

/** An address without an action redrives dead letters, and deletes anything else. */
export function readChoices(read: Read, usual: ActionName): Choices {
  const ids = (read("ids") ?? "").split(",").filter((id) => id !== "");
  const conditions = {
    body: read("body"),
    client: read("client"),
    deliveries: readWhole(read("deliveries"), 1),
    from: readTime(read("from")),
    before: readTime(read("before")),
    holder: read("holder"),
    ends: readTime(read("ends")),
  };
  const named = read("which");
  const states = readStateNames(read("state"));
  const some = states.length > 0 || Object.values(conditions).some((condition) => condition !== null);
  const toProject = read("toProject");
  const rate = read("rate");
  return {
    action: ACTIONS.find((action) => action === read("action")) ?? usual,
    which: named === "all" || named === "match" ? named : ids.length > 0 ? "ids" : some ? "match" : "all",
    ...conditions,
    states,
    ids,
    limit: readWhole(read("limit"), 1),
    to: read("to"),
    toProject: toProject === null ? null : readSegment(toProject),
    ttl: readWhole(read("ttl"), 1),
    delay: readWhole(read("delay"), 0),
    force: read("force") === "1",
    rate: rate === "none" ? null : (readRate(rate) ?? "auto"),
  };
}

export function namedQueues(queues: NamedQueues["queues"]): NamedQueues {
  const [first] = queues;
  const isOfOne = first !== undefined && queues.every(({ project }) => project === first.project);
  return { kind: "named", project: isOfOne ? first.project : null, queues };
}

export function readScope(read: Read): QueuesScope | NamedQueues {
  const named = read("named");
  if (named !== null) return namedQueues(named.split(",").flatMap(readNamed));
  const project = read("project");
  return {
    kind: "queues",
    project: project === null ? null : readSegment(project),
    allProjects: project === null && read("allProjects") === "1",
    search: read("search"),
    pool: read("pool"),
    flavor: read("flavor"),
    deadLetters: read("deadLetters") === "1",
    holds: readStateNames(read("holds"))[0] ?? null,
    waits: readWhole(read("waits"), 1),
  };
}

/** `more`: what the page remembers beside the choices, such as the dry run that it shows. */
export function actHref(scope: Scope, choices: Partial<Choices>, more: Record<string, string | null> = {}): string {
  const { which, ids = [], toProject, rate, states = [], ...rest } = choices;
  return paths.act(scope.kind === "queue" ? scope : null, {
    ...queryOf(scope),
    ...rest,
    // What the conditions say by themselves is left out.
    which: which !== undefined && which !== impliedBy(choices) && which !== "ids" && which,
    state: states.join(","),
    ids: which === "ids" || which === undefined ? ids.join(",") : null,
    toProject: toProject == null ? null : segment(toProject),
    rate: rate === "auto" ? undefined : rate === null ? "none" : rate,
    ...more,
  });
}

function queryOf(scope: Scope): Record<string, string | number | boolean | null> {
  if (scope.kind === "queue") return {};
  if (scope.kind === "named") {
    return { named: scope.queues.map(({ project, name }) => `${segment(project)}/${segment(name)}`).join(",") };
  }
  return { ...scope, kind: null, project: scope.project === null ? null : segment(scope.project) };
}

/** What is no queue is left out. */
function readNamed(text: string): NamedQueues["queues"] {
  const [project, name, ...rest] = text.split("/").map(readSegment);
  return project == null || !name || rest.length > 0 ? [] : [{ project, name }];
}

function impliedBy({ ids, ...choices }: Partial<Choices>): Choices["which"] {
  if (ids !== undefined && ids.length > 0) return "ids";
  const { body, states = [], client, deliveries, from, before, holder, ends } = choices;
  return body || states.length > 0 || client || deliveries || from || before || holder || ends ? "match" : "all";
}

/** What are no states is left out. */
export function readStateNames(text: string | null): StateName[] {
  const named = (text ?? "").split(",");
  return STATES.filter((state) => named.includes(state));
}

function readWhole(text: string | null, least: number): number | null {
  const value = Number(text ?? "");
  return text !== null && text !== "" && Number.isSafeInteger(value) && value >= least ? value : null;
}

function readRate(text: string | null): number | null {
  const value = Number(text ?? "");
  return text !== null && Number.isFinite(value) && value > 0 ? value : null;
}

function readTime(text: string | null): string | null {
  const at = Date.parse(text ?? "");
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

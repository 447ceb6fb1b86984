/** The callers of the matrix, and what each may do. */
import { type Access, NOTHING, rightsOfScopes } from "../../server/access/access.ts";
import { person } from "../support/access.ts";

/** Everything in it has a name with "hidden". */
export const PROJECT = "hidden-shop";
/** The project of a caller who must not see the other one. */
export const MINE = "mine";

const token = (scope: "produce" | "consume"): Access => ({
  ...person(`token:${scope}`),
  kind: "token",
  rights: rightsOfScopes([scope], [PROJECT]),
});

export const CALLERS = {
  admin: person("ada", { role: "admin", projects: "all" }),
  projectAdmin: person("adrian", { role: "admin", projects: [PROJECT] }),
  operatorOfAll: person("olga", { role: "operator", projects: "all" }),
  operator: person("otto", { role: "operator", projects: [PROJECT] }),
  viewerOfAll: person("vince", { role: "viewer", projects: "all" }),
  viewer: person("vera", { role: "viewer", projects: [PROJECT] }),
  /** The highest role, in another project. */
  other: person("oscar", { role: "admin", projects: [MINE] }),
  producer: token("produce"),
  consumer: token("consume"),
  nobody: { ...person("nobody"), rights: NOTHING },
} satisfies Record<string, Access>;
export type Caller = keyof typeof CALLERS;

/** "absent": as if it did not exist. */
export type Outcome = "ok" | "absent" | "FORBIDDEN";
export type Row = Readonly<Record<Caller, Outcome>>;

function rowOf(callers: readonly Caller[], others: Outcome, other = others): Row {
  const row = Object.fromEntries(Object.keys(CALLERS).map((caller) => [caller, others])) as Record<Caller, Outcome>;
  row.other = other;
  for (const caller of callers) row[caller] = "ok";
  return row;
}

const ADMINS = ["admin", "projectAdmin"] as const;
const OPERATORS = [...ADMINS, "operatorOfAll", "operator"] as const;
const READERS = [...OPERATORS, "viewerOfAll", "viewer"] as const;

export const ANYBODY = rowOf(Object.keys(CALLERS) as Caller[], "ok");
/** What there is not, for anybody. */
export const ABSENT = rowOf([], "absent");
/** What belongs to no project, or what one may see of all. */
export const ANY_READER = rowOf(READERS, "FORBIDDEN", "ok");
export const READER = rowOf(READERS, "FORBIDDEN");
/** Of what is found by its id: who may not see it does not learn that it is there. */
export const FINDER = rowOf(READERS, "FORBIDDEN", "absent");
export const FINDER_OF_MANY = rowOf(READERS, "absent");
export const FINDER_OF_ALL = rowOf(["admin"], "absent");
export const PRODUCER = rowOf([...OPERATORS, "producer"], "FORBIDDEN");
export const CONSUMER = rowOf([...OPERATORS, "consumer"], "FORBIDDEN");
export const OPERATOR = rowOf(OPERATORS, "FORBIDDEN");
export const OPERATOR_WHO_FINDS = rowOf(OPERATORS, "FORBIDDEN", "absent");
/** The same of what only readers may know. */
export const OPERATOR_WHO_READS: Row = {
  ...rowOf(OPERATORS, "absent"),
  viewer: "FORBIDDEN",
  viewerOfAll: "FORBIDDEN",
};
export const OPERATOR_OF_ALL = rowOf(["admin", "operatorOfAll"], "FORBIDDEN");
export const ADMIN = rowOf(ADMINS, "FORBIDDEN");
export const ADMIN_WHO_FINDS = rowOf(ADMINS, "FORBIDDEN", "absent");
/** Of what nobody else learns that it is there. */
export const ADMIN_ALONE = rowOf(ADMINS, "absent");
export const ANY_ADMIN = rowOf(ADMINS, "FORBIDDEN", "ok");
export const ADMIN_OF_ALL = rowOf(["admin"], "FORBIDDEN");

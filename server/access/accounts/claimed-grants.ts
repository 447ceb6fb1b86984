/** What the groups of somebody at the identity provider mean here: OIDC_GRANTS_CLAIM and OIDC_GRANTS. */
import { type Grant, ROLES, type Role } from "../access.ts";

/** The grants of each value of the claim. */
export type GrantMap = ReadonlyMap<string, readonly Grant[]>;

/**
 * Reads `VALUE=ROLE` for all projects and `VALUE=ROLE:PROJECT,PROJECT`, with semicolons between them. A value may come
 * several times. Throws an Error that says what is wrong.
 */
export function parseGrantMap(text: string): GrantMap {
  const map = new Map<string, Grant[]>();
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    // The value may have equals signs, as names in a directory do.
    const equals = part.lastIndexOf("=");
    const value = part.slice(0, Math.max(0, equals)).trim();
    const [role = "", projects] = part.slice(equals + 1).split(/:(.*)/s);
    if (value === "" || !isRole(role.trim())) {
      throw new Error(`must be such as "queue-admins=admin; shop-team=operator:shop,billing"; it has ${part.trim()}`);
    }
    const names = projects?.split(",").map((name) => name.trim());
    const grant: Grant = { role: role.trim() as Role, projects: names ?? "all" };
    map.set(value, [...(map.get(value) ?? []), grant]);
  }
  return map;
}

const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text);

/**
 * The grants of somebody with these claims. `claim` is a claim's name, or a path into it with dots, such as
 * `realm_access.roles`. Its value is a text or a list of texts, whose order says nothing.
 */
export function grantsOfClaims(map: GrantMap, claim: string, claims: Readonly<Record<string, unknown>>): Grant[] {
  const found = Object.hasOwn(claims, claim) ? claims[claim] : follow(claims, claim.split("."));
  const values = new Set<unknown>(Array.isArray(found) ? found : [found]);
  return [...map].flatMap(([value, grants]) => (values.has(value) ? grants : []));
}

function follow(claims: unknown, path: readonly string[]): unknown {
  let found = claims;
  for (const name of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

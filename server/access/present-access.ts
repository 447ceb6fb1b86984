import type { Config } from "../config.ts";
import type { PeopleController } from "../storage/people.ts";
import type { TokensController } from "../storage/tokens.ts";
import { type Access, rightsOfGrants } from "./access.ts";
import { localRightsOf } from "./local.ts";
import { TOKEN_ACTOR, tokenIdentity } from "./tokens.ts";

/**
 * What an actor may do now, for work that goes on after its request has ended. Null once the actor has no rights any
 * more.
 */
export type PresentAccess = (actor: Pick<Access, "actor" | "requestId">) => Promise<Access | null>;

/**
 * With AUTH=none it stays as it was when the job was asked for. With accounts a token has rights as long as
 * it can be used, and a person as long as nobody disables or deletes it.
 */
export function createPresentAccess(parts: {
  auth: Config["AUTH"];
  tokens: Pick<TokensController, "getMany">;
  people: Pick<PeopleController, "getByEmail">;
}): PresentAccess {
  const { auth, tokens, people } = parts;
  return async ({ actor, requestId }) => {
    if (auth === "none") return { actor, kind: "local", rights: localRightsOf(actor), requestId };
    if (!actor.startsWith(TOKEN_ACTOR)) {
      const person = await people.getByEmail(actor);
      if (person === null || person.disabledAt !== null) return null;
      return { actor, kind: "person", rights: rightsOfGrants(person.grants), requestId, personId: person.id };
    }
    const [token] = await tokens.getMany([actor.slice(TOKEN_ACTOR.length)]);
    return token?.state === "active" ? { ...tokenIdentity(token), requestId } : null;
  };
}

import { type Access, requireEverywhere } from "../../access/access.ts";
import { normaliseUuid, type Page } from "../../storage/list-pages.ts";
import type { Person } from "../../storage/people.ts";
import type { OperationContext } from "../context.ts";
import type { PageParams } from "../input/addresses.ts";
import { checkBatch, checkSearch, pageRequest } from "../input/limits.ts";
import { MAX_EMAIL_LENGTH } from "./input.ts";

export interface PersonReads {
  /** By e-mail address. `search`: whose address or name contains it, in any letters. */
  list(access: Access, params: { search?: string | null } & PageParams): Promise<Page<Person>>;
  /** In the order asked; null for who does not exist, and whom the caller may not see. At most MAX_PAGE_SIZE. */
  getMany(access: Access, params: { ids: readonly string[] }): Promise<(Person | null)[]>;
  /** The caller; null when it is no person. */
  self(access: Access): Promise<Person | null>;
}

export function createPersonReads({ control, limits }: OperationContext): PersonReads {
  return {
    async list(access, params) {
      requireEverywhere(access, "administer");
      return control.people.list({
        page: pageRequest(limits, params.page),
        ...checkSearch(params.search, MAX_EMAIL_LENGTH),
      });
    },

    async getMany(access, { ids }) {
      const wanted = checkBatch(limits, "ids", ids).map((id) => visibleId(access, id));
      const found = await control.people.getMany(wanted.filter((id) => id !== null));
      const byId = new Map(found.map((person) => [person.id, person]));
      return wanted.map((id) => (id === null ? null : (byId.get(id) ?? null)));
    },

    async self({ personId }) {
      if (personId === undefined) return null;
      const [person = null] = await control.people.getMany([personId]);
      return person;
    },
  };
}

/** Null for whom the caller may not see, and for what is no id. */
export function visibleId(access: Access, id: string): string | null {
  const uuid = normaliseUuid(id);
  return uuid === access.personId || access.rights.administer === "all" ? uuid : null;
}

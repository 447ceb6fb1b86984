import { type Access, requireEverywhere } from "../../access/access.ts";
import { normaliseUuid } from "../../storage/list-pages.ts";
import { type PersonSession, personDoesNotExist } from "../../storage/people.ts";
import { audited, permitted } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { checkBatch } from "../input/limits.ts";
import { visibleId } from "./read.ts";

/** Sessions of a person that a list shows. */
export const MAX_LISTED_SESSIONS = 100;

/** A session as its owner or an admin sees it. */
export type SessionRecord = PersonSession & { isCurrent: boolean };

export interface SessionOperations {
  /** The sessions of these people that have not ended, the newest first. At most MAX_PAGE_SIZE people. */
  sessionsOf(access: Access, params: { ids: readonly string[] }): Promise<SessionRecord[][]>;
  /** Null for those that do not exist, have ended, or belong to somebody else whom the caller may not see. */
  getSessions(access: Access, params: { ids: readonly string[] }): Promise<(SessionRecord | null)[]>;
  /** Ends it in all processes within a second. Safe to repeat. Audited. */
  endSession(access: Access, params: { id: string }): Promise<{ ended: number }>;
  /** Ends all of a person, `others`: but the caller's own. Audited. PERSON_DOES_NOT_EXIST. */
  endSessions(access: Access, params: { personId: string; others?: boolean | null }): Promise<{ ended: number }>;
}

export function createSessionOperations(context: OperationContext): SessionOperations {
  const { control, limits, accounts } = context;
  const living = () => ({ now: accounts.now(), idleSeconds: accounts.config.SESSION_IDLE_SECONDS });
  const seenBy = (access: Access, session: PersonSession): SessionRecord => ({
    ...session,
    isCurrent: session.id === access.sessionId,
  });

  return {
    async sessionsOf(access, { ids }) {
      const wanted = checkBatch(limits, "ids", ids).map((id) => visibleId(access, id));
      const found = await control.people.listSessions(
        wanted.filter((id) => id !== null),
        { ...living(), limit: MAX_LISTED_SESSIONS },
      );
      const byPerson = Map.groupBy(found, ({ personId }) => personId);
      return wanted.map((id) => (byPerson.get(id ?? "") ?? []).map((session) => seenBy(access, session)));
    },

    async getSessions(access, { ids }) {
      const wanted = checkBatch(limits, "ids", ids).map(normaliseUuid);
      const found = await control.people.getSessions(
        wanted.filter((id) => id !== null),
        living(),
      );
      const visible = found.filter(({ personId }) => visibleId(access, personId) !== null);
      const byId = new Map(visible.map((session) => [session.id, seenBy(access, session)]));
      return wanted.map((id) => (id === null ? null : (byId.get(id) ?? null)));
    },

    async endSession(access, { id }) {
      const trace = { access, action: "endSession" as const, project: null, target: id };
      // Who may end only their own learns nothing of others: one that is not theirs is as good as gone.
      await permitted(context, trace, () => {
        if (access.personId === undefined) requireEverywhere(access, "administer");
      });
      const uuid = normaliseUuid(id);
      const [session] = uuid === null ? [] : await control.people.getSessions([uuid], living());
      if (session === undefined || visibleId(access, session.personId) === null) return { ended: 0 };
      const [person] = await control.people.getMany([session.personId]);
      return audited(context, { ...trace, target: person?.email ?? id }, async (tx) => {
        const ended = await tx.people.endSessions({ ids: [session.id] });
        return { result: { ended }, details: { session: session.id }, changed: ended > 0 };
      });
    },

    async endSessions(access, { personId, others }) {
      const trace = { access, action: "endSessions" as const, project: null, target: personId };
      const id = await permitted(context, trace, () => {
        const uuid = visibleId(access, personId);
        if (uuid === null) requireEverywhere(access, "administer");
        return uuid;
      });
      const [person] = id === null ? [] : await control.people.getMany([id]);
      if (person === undefined) throw personDoesNotExist();
      const except = others === true ? access.sessionId : undefined;
      return audited(context, { ...trace, target: person.email }, async (tx) => {
        const ended = await tx.people.endSessions({
          personId: person.id,
          ...(except === undefined ? {} : { except }),
        });
        return { result: { ended }, details: { ended }, changed: ended > 0 };
      });
    },
  };
}

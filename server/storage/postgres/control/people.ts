/** People, their sessions and their links. Better Auth writes some of these tables too: server/access/accounts. */
import { randomUUID } from "node:crypto";
import type { Prisma } from "../../../../prisma/generated/client.ts";
import type { Grant } from "../../../access/access.ts";
import { DomainError } from "../../../errors.ts";
import {
  type LinkKind,
  type Living,
  type OneTimeLink,
  type PeopleController,
  type Person,
  type PersonSession,
  personDoesNotExist,
  type SignInMethod,
} from "../../people.ts";
import { keysetPage } from "../sql/keyset.ts";
import { guarded, type Session } from "./prisma-session.ts";

/** What Better Auth calls an account with a password. */
const PASSWORD = "credential";

const WITH_METHODS = { accounts: { select: { providerId: true } } } as const;
type PersonRow = Prisma.PersonGetPayload<{ include: typeof WITH_METHODS }>;

export function peopleController({ session }: { session: Session }): PeopleController {
  const controller: PeopleController = { ...people(session), ...sessions(session), ...links(session) };
  return guarded(session, controller, [
    "create",
    "update",
    "delete",
    "setPassword",
    "endSessions",
    "trim",
    "addLink",
    "takeLink",
  ]);
}

type PeopleVerbs = "list" | "getMany" | "getByEmail" | "isEmpty" | "create" | "update" | "delete";

function people(session: Session): Pick<PeopleController, PeopleVerbs | "lockAdmins" | "getPassword" | "setPassword"> {
  const { prisma } = session;
  return {
    list: ({ page, search }) =>
      keysetPage({
        page,
        fetch: (bound, order, take) =>
          prisma.person.findMany({
            where: {
              ...(bound === null ? {} : { email: { [bound.side]: bound.marker } }),
              ...(search === undefined ? {} : { OR: [contains("email", search), contains("name", search)] }),
            },
            include: WITH_METHODS,
            orderBy: { email: order },
            take,
          }),
        marker: (row) => row.email,
        item: toPerson,
      }),

    getMany: async (ids) =>
      (await prisma.person.findMany({ where: { id: { in: [...ids] } }, include: WITH_METHODS })).map(toPerson),

    async getByEmail(email) {
      const row = await prisma.person.findUnique({ where: { email }, include: WITH_METHODS });
      return row === null ? null : toPerson(row);
    },

    isEmpty: async () => (await prisma.person.findFirst({ select: { id: true } })) === null,

    create: ({ email, name, grants }) =>
      session.atomically(async (tx) => {
        const id = randomUUID();
        const data = { id, email, name, grants: grantsToJson(grants), emailVerified: true };
        const { count } = await tx.person.createMany({ data: [data], skipDuplicates: true });
        if (count === 0) {
          throw new DomainError("PERSON_ALREADY_EXISTS", `There is a person with the e-mail address ${email} already.`);
        }
        return toPerson(await tx.person.findUniqueOrThrow({ where: { id }, include: WITH_METHODS }));
      }),

    update: (id, { name, grants, claimed, disabled }) =>
      session.atomically(async (tx) => {
        const before = await tx.person.findUnique({ where: { id } });
        if (before === null) throw personDoesNotExist();
        const disabledAt = disabled === true ? (before.disabledAt ?? new Date()) : null;
        const row = await tx.person.update({
          where: { id },
          data: {
            updatedAt: new Date(),
            ...(name === undefined ? {} : { name }),
            ...(grants === undefined ? {} : { grants: grantsToJson(grants) }),
            ...(claimed === undefined ? {} : { claimed }),
            ...(disabled === undefined ? {} : { disabledAt }),
          },
          include: WITH_METHODS,
        });
        if (disabled === true) {
          await tx.session.deleteMany({ where: { userId: id } });
          await tx.oneTimeLink.deleteMany({ where: { personId: id } });
        }
        return toPerson(row);
      }),

    delete: async (id) => (await prisma.person.deleteMany({ where: { id } })).count > 0,

    // In the order of ids, so that two transactions do not wait for each other.
    async lockAdmins() {
      const rows = await prisma.$queryRaw<{ id: string }[]>`
        SELECT id FROM people
        WHERE disabled_at IS NULL AND grants @> '[{"role": "admin", "projects": null}]' ORDER BY id FOR UPDATE`;
      return rows.map(({ id }) => id);
    },

    async getPassword(id) {
      const key = { providerId: PASSWORD, accountId: id };
      const row = await prisma.account.findUnique({ where: { providerId_accountId: key }, select: { password: true } });
      return row?.password ?? null;
    },

    setPassword: (id, hash, keep) =>
      session.atomically(async (tx) => {
        if ((await tx.person.count({ where: { id } })) === 0) throw personDoesNotExist();
        const key = { providerId: PASSWORD, accountId: id };
        await tx.account.upsert({
          where: { providerId_accountId: key },
          create: { ...key, id: randomUUID(), userId: id, password: hash },
          update: { password: hash, updatedAt: new Date() },
        });
        await tx.session.deleteMany({ where: { userId: id, ...(keep === undefined ? {} : { id: { not: keep } }) } });
        await tx.oneTimeLink.deleteMany({ where: { personId: id } });
      }),
  };
}

function sessions({
  prisma,
}: Session): Pick<PeopleController, "listSessions" | "getSessions" | "endSessions" | "trim"> {
  return {
    async listSessions(personIds, { now, idleSeconds, limit }) {
      const rows = await prisma.$queryRaw<PersonSession[]>`
        SELECT s.id, s.person_id AS "personId", s.address, s.user_agent AS "userAgent", s.created_at AS "createdAt",
          s.last_seen_at AS "lastSeenAt", s.expires_at AS "expiresAt"
        FROM unnest(${[...personIds]}::uuid[]) AS p(id)
        CROSS JOIN LATERAL (
          SELECT * FROM sessions s WHERE s.person_id = p.id
            AND s.expires_at > ${now} AND s.last_seen_at > ${now}::timestamptz - make_interval(secs => ${idleSeconds}::float8)
          ORDER BY s.created_at DESC, s.id LIMIT ${limit}) AS s`;
      return rows.map(toSession);
    },

    getSessions: async (ids, living) =>
      (
        await prisma.session.findMany({ where: { id: { in: [...ids] }, ...isLiving(living) }, omit: { token: true } })
      ).map((row) => toSession({ ...row, personId: row.userId, address: row.ipAddress })),

    endSessions: async (which) => {
      const where =
        "ids" in which
          ? { id: { in: [...which.ids] } }
          : { userId: which.personId, ...(which.except === undefined ? {} : { id: { not: which.except } }) };
      return (await prisma.session.deleteMany({ where })).count;
    },

    trim: async ({ now, idleSeconds, limit }) => {
      const idleSince = new Date(now.getTime() - idleSeconds * 1000);
      const [ended, links, halves] = [
        await prisma.session.deleteMany({
          where: { OR: [{ expiresAt: { lte: now } }, { lastSeenAt: { lte: idleSince } }] },
          limit,
        }),
        await prisma.oneTimeLink.deleteMany({ where: { expiresAt: { lte: now } }, limit }),
        await prisma.verification.deleteMany({ where: { expiresAt: { lte: now } }, limit }),
      ];
      const attempts = await prisma.signInAttempt.deleteMany({
        where: { expire: { lte: BigInt(now.getTime()) } },
        limit,
      });
      return ended.count + links.count + halves.count + attempts.count;
    },
  };
}

function links(session: Session): Pick<PeopleController, "addLink" | "getLink" | "takeLink"> {
  const { prisma } = session;
  return {
    addLink: ({ digest, kind, personId, createdBy, expiresAt }) =>
      session.atomically(async (tx) => {
        if (personId !== null) {
          // Two at once would not see each other's link, and leave both.
          await tx.$queryRaw`SELECT 1 FROM people WHERE id = ${personId}::uuid FOR NO KEY UPDATE`;
          await tx.oneTimeLink.deleteMany({ where: { kind, personId } });
        } else if (!(await isOnlyMaker(tx))) return false;
        await tx.oneTimeLink.create({ data: { digest: bytes(digest), kind, personId, createdBy, expiresAt } });
        return true;
      }),

    async getLink(digest, now) {
      const row = await prisma.oneTimeLink.findUnique({ where: { digest: bytes(digest) } });
      return row === null || row.expiresAt <= now ? null : toLink(row);
    },

    async takeLink(digest, now) {
      const rows = await prisma.$queryRaw<{ kind: string; personId: string | null; expiresAt: Date }[]>`
        DELETE FROM one_time_links WHERE digest = ${bytes(digest)} AND expires_at > ${now}
        RETURNING kind, person_id AS "personId", expires_at AS "expiresAt"`;
      return rows[0] === undefined ? null : toLink(rows[0]);
    },
  };
}

/** The class of the lock ("fa" in ASCII); the other number is the schema. */
const FIRST_ADMIN_LOCK = 0x6661;

/** Whether no other transaction makes the link of the first admin. Holds until this one ends. */
async function isOnlyMaker(tx: Pick<Session["prisma"], "$queryRaw">): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ won: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(${FIRST_ADMIN_LOCK}::int, quote_ident(current_schema())::regnamespace::oid::int) AS won`;
  return row?.won === true;
}

/** Prisma gives `%` and `_` the meaning that they have for LIKE. */
const contains = (field: "email" | "name", text: string) => ({
  [field]: { contains: text.replace(/[\\%_]/g, "\\$&"), mode: "insensitive" as const },
});
const bytes = (digest: Uint8Array) => Uint8Array.from(digest);
const isLiving = ({ now, idleSeconds }: Living) => ({
  expiresAt: { gt: now },
  lastSeenAt: { gt: new Date(now.getTime() - idleSeconds * 1000) },
});

/** As the column has it: null for all projects, so that an index could find admins. */
type StoredGrant = { role: Grant["role"]; projects: string[] | null };

function grantsToJson(grants: readonly Grant[]): StoredGrant[] {
  return grants.map(({ role, projects }) => ({ role, projects: projects === "all" ? null : [...projects] }));
}

/** The grants of a person, as the column has them. */
export function grantsFromJson(json: unknown): Grant[] {
  return (json as StoredGrant[]).map(({ role, projects }) => ({ role, projects: projects ?? "all" }));
}

function toPerson({
  id,
  email,
  name,
  grants,
  claimed,
  disabledAt,
  lastSeenAt,
  createdAt,
  accounts,
}: PersonRow): Person {
  const providers = accounts.map(
    ({ providerId }): SignInMethod => (providerId === PASSWORD ? "password" : "identityProvider"),
  );
  const methods = [...new Set(providers)].sort().reverse();
  return { id, email, name, grants: grantsFromJson(grants), claimed, disabledAt, lastSeenAt, createdAt, methods };
}

/** The empty texts are Better Auth's: not known. */
function toSession({
  id,
  personId,
  address,
  userAgent,
  createdAt,
  lastSeenAt,
  expiresAt,
}: PersonSession): PersonSession {
  const known = { address: address || null, userAgent: userAgent || null };
  return { id, personId, ...known, createdAt, lastSeenAt, expiresAt };
}

const toLink = ({
  kind,
  personId,
  expiresAt,
}: {
  kind: string;
  personId: string | null;
  expiresAt: Date;
}): OneTimeLink => ({
  kind: kind as LinkKind,
  personId,
  expiresAt,
});

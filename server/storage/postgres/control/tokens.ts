/** Tokens of programs. */
import { Prisma } from "../../../../prisma/generated/client.ts";
import { DomainError } from "../../../errors.ts";
import type { Token, TokensController } from "../../tokens.ts";
import { keysetPage, operatorOf, orderOf } from "../sql/keyset.ts";
import { guarded, type Session } from "./prisma-session.ts";

type TokenRow = Omit<Token, "projects"> & { projects: string[] | null };

const STATE = Prisma.sql`
  CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= clock_timestamp() THEN 'expired' ELSE 'active' END`;
const COLUMNS = Prisma.sql`
  id, name, prefix, scopes, projects, created_by AS "createdBy", created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt", revoked_at AS "revokedAt", revoked_by AS "revokedBy",
  requests_per_second AS "requestsPerSecond", ${STATE} AS state`;
/** How old the time of a token's last use may be. */
const USE_PRECISION = Prisma.sql`interval '1 minute'`;

export function tokensController({ session }: { session: Session }): TokensController {
  const { prisma } = session;
  const controller: TokensController = {
    list: ({ page, filter: { within, project, state } }) => {
      const conditions = [
        ...(within === "all" ? [] : [Prisma.sql`projects <@ ${[...within]}::text[]`]),
        ...(project === undefined ? [] : [Prisma.sql`(projects IS NULL OR ${project} = ANY (projects))`]),
        ...(state === undefined ? [] : [Prisma.sql`${STATE} = ${state}`]),
      ];
      return keysetPage({
        page,
        fetch: (bound, order, take) => {
          const beyond = bound === null ? [] : [Prisma.sql`name ${operatorOf(bound)} ${bound.marker}`];
          return prisma.$queryRaw<TokenRow[]>`
            SELECT ${COLUMNS} FROM tokens
            WHERE ${Prisma.join([Prisma.sql`true`, ...conditions, ...beyond], " AND ")}
            ORDER BY name ${orderOf(order)} LIMIT ${take}`;
        },
        marker: ({ name }) => name,
        item: toToken,
      });
    },

    async getMany(names) {
      if (names.length === 0) return [];
      const rows = await prisma.$queryRaw<TokenRow[]>`
        SELECT ${COLUMNS} FROM tokens WHERE name = ANY (${[...names]}::text[])`;
      return rows.map(toToken);
    },

    async create({ name, prefix, hash, scopes, projects, createdBy, expiresInDays, requestsPerSecond }) {
      const [row] = await prisma.$queryRaw<TokenRow[]>`
        INSERT INTO tokens (name, prefix, hash, scopes, projects, created_by, expires_at, requests_per_second)
        VALUES (${name}, ${prefix}, ${hash}, ${scopes}::text[], ${projects === "all" ? null : [...projects]}::text[],
          ${createdBy}, clock_timestamp() + make_interval(days => ${expiresInDays}::int), ${requestsPerSecond}::int)
        ON CONFLICT (name) DO NOTHING
        RETURNING ${COLUMNS}`;
      if (row === undefined) {
        throw new DomainError(
          "TOKEN_ALREADY_EXISTS",
          `There is, or was, a token named ${name}. Take another name: the audit log knows tokens by theirs.`,
          { details: { token: name } },
        );
      }
      return toToken(row);
    },

    async revoke({ name, actor }) {
      const count = await prisma.$executeRaw`
        UPDATE tokens SET revoked_at = clock_timestamp(), revoked_by = ${actor}
        WHERE name = ${name} AND revoked_at IS NULL`;
      return count > 0;
    },

    async findByHash(hash) {
      const [row] = await prisma.$queryRaw<(TokenRow & { left: number | null })[]>`
        SELECT ${COLUMNS}, extract(epoch FROM expires_at - clock_timestamp())::float8 AS left
        FROM tokens WHERE hash = ${hash}`;
      if (row === undefined) return null;
      const { left, ...token } = row;
      return { token: toToken(token), expiresInSeconds: left };
    },

    async noteUse(ids) {
      await prisma.$executeRaw`
        UPDATE tokens SET last_used_at = clock_timestamp()
        WHERE id = ANY (${[...ids]}::uuid[])
          AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - ${USE_PRECISION})`;
    },

    trim: ({ days, limit }) =>
      prisma.$executeRaw`
        DELETE FROM tokens WHERE id IN (
          SELECT id FROM tokens
          WHERE least(revoked_at, expires_at) < clock_timestamp() - make_interval(days => ${days}::int)
          LIMIT ${limit})`,
  };
  return guarded(session, controller, ["create", "revoke", "noteUse", "trim"]);
}

function toToken({ projects, ...row }: TokenRow): Token {
  return { ...row, projects: projects ?? "all" };
}

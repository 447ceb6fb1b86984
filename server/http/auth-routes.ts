/** Signing in and out. These routes are open to anybody; what they ask for is checked behind them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { From } from "../access/accounts/library-requests.ts";
import type { SignIn } from "../access/accounts/sign-in.ts";
import type { Config } from "../config.ts";
import { DomainError } from "../errors.ts";

/** Larger than any e-mail address with any password. */
const BODY_LIMIT = 8192;
const text = z.string().max(1024);

const BODIES = {
  email: z.strictObject({ email: text, password: text }),
  social: z.strictObject({ next: text.default("/") }),
  password: z.strictObject({ currentPassword: text, newPassword: text }),
  code: z.strictObject({ code: text }),
  link: z.strictObject({ code: text, password: text, email: text.optional(), name: text.optional() }),
} as const;

export function addAuthRoutes(api: FastifyInstance, parts: { signIn: SignIn; config: Config }): void {
  const { signIn, config } = parts;

  const fromOf = ({ raw, caller, id }: FastifyRequest): From => ({
    origin: config.PUBLIC_URL === undefined ? `http://${raw.headers.host ?? ""}` : new URL(config.PUBLIC_URL).origin,
    address: caller.address,
    userAgent: raw.headers["user-agent"]?.slice(0, 500),
    cookie: raw.headers.cookie,
    requestId: id,
  });
  const post = <Body>(path: string, body: z.ZodType<Body>, act: (body: Body, from: From) => Promise<object>) =>
    api.post(`/auth/${path}`, { bodyLimit: BODY_LIMIT }, async (request, reply) => {
      const { cookies = [], ...shown }: { cookies?: string[] } = await act(read(body, request.body), fromOf(request));
      return withCookies(reply, cookies).send(shown);
    });

  api.get("/auth/options", async (_request, reply) => reply.send(await signIn.options()));
  post("sign-in/email", BODIES.email, (body, from) => signIn.withPassword(body, from));
  post("sign-in/social", BODIES.social, (body, from) => signIn.atProvider(body, from));
  post("sign-out", z.unknown(), (_body, from) => signIn.out(from));
  post("change-password", BODIES.password, ({ currentPassword: current, newPassword: wanted }, from) =>
    signIn.changePassword({ current, wanted }, from),
  );
  post("link/read", BODIES.code, (body, from) => signIn.readLink(body, from));
  post("link", BODIES.link, ({ code, password, email, name }, from) =>
    signIn.useLink(
      { code, password, ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) },
      from,
    ),
  );
  api.get("/auth/callback/oidc", async (request, reply) => {
    const [, query] = (request.raw.url ?? "").split(/\?(.*)/s);
    const { location, cookies } = await signIn.back({ query: query === undefined ? "" : `?${query}` }, fromOf(request));
    return withCookies(reply, cookies).redirect(location, 303);
  });
}

function read<Body>(body: z.ZodType<Body>, given: unknown): Body {
  const result = body.safeParse(given ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new DomainError("BAD_INPUT", `The body of this request is wrong: ${field} ${issue?.message ?? ""}`.trim(), {
    details: { field },
  });
}

function withCookies(reply: FastifyReply, cookies: readonly string[]): FastifyReply {
  // An answer that sets a cookie must be in no cache.
  reply.header("cache-control", "no-store");
  for (const cookie of cookies) reply.header("set-cookie", cookie);
  return reply;
}

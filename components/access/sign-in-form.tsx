"use client";

import { type FormEvent, useEffect, useState } from "react";
import { API_ROOT, ApiError } from "../api.ts";
import { Button } from "../ui/button.tsx";
import { useHold } from "../ui/refresh.tsx";
import { leave, leaveFor, postAuth } from "./auth.ts";
import { EntryField, Refusal } from "./entry-field.tsx";
import { safeNext } from "./next-address.ts";
import { useAttempt } from "./use-attempt.ts";

/**
 * `provider`: the name of the identity provider; null: there is none. `next`: where to go then. `problem`: the code with
 * which the identity provider, or the server, sent somebody back.
 */
export function SignInForm({
  provider,
  next,
  problem,
}: {
  provider: string | null;
  next: string | undefined;
  problem: string | null;
}) {
  const { pending, refusal, attempt } = useAttempt<"password" | "provider">(() => refusalOf(problem));
  const isEmpty = useIsEmpty();
  useHold(true);

  const signIn = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget);
    void attempt("password", async () => {
      await postAuth("sign-in/email", { email: typed.get("email"), password: typed.get("password") });
      await leaveFor(safeNext(next));
    });
  };

  const goToProvider = () =>
    attempt("provider", async () => {
      const { url } = await postAuth<{ url: string }>("sign-in/social", { next: safeNext(next) });
      await leave(url);
    });

  return (
    <div className="flex flex-col gap-4">
      {isEmpty ? (
        <div role="status" className="rounded border border-line-strong bg-sunken px-3 py-2 wrap-anywhere">
          <p>
            Nobody has an account yet. Open the link that the start of the service printed: it makes you the first
            admin. Or make an admin where the service runs:
          </p>
          <code className="mt-1 block font-mono text-xs">npm run user -- add EMAIL --role admin</code>
        </div>
      ) : null}
      <Refusal of={refusal} />
      {provider === null ? null : (
        <>
          <Button kind="primary" pending={pending === "provider"} onClick={() => void goToProvider()}>
            Sign in with {provider}
          </Button>
          <p className="flex items-center gap-3 text-xs text-muted before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
            or with a password
          </p>
        </>
      )}
      <form onSubmit={signIn} className="flex flex-col gap-4">
        <EntryField name="email" type="email" label="E-mail address" autoComplete="username" autoFocus />
        <EntryField name="password" type="password" label="Password" autoComplete="current-password" />
        <Button type="submit" kind={provider === null ? "primary" : "plain"} pending={pending === "password"}>
          Sign in
        </Button>
      </form>
    </div>
  );
}

/** Whether there is nobody who could sign in. False until the server has said so. */
function useIsEmpty(): boolean {
  const [isEmpty, setIsEmpty] = useState(false);
  useEffect(() => {
    fetch(`${API_ROOT}/auth/options`)
      .then(async (answer) => setIsEmpty(answer.ok && !((await answer.json()) as { hasPeople: boolean }).hasPeople))
      // Who signs in now hears that the server does not answer.
      .catch(() => undefined);
  }, []);
  return isEmpty;
}

/** Why somebody comes back from the identity provider without a session. */
const PROBLEMS: Readonly<Record<string, string>> = {
  noGrants: "The identity provider knows you, but you have no role here. Ask an admin for one.",
  disabled: "An admin has disabled your account.",
  unknownPerson: "Nobody has this e-mail address here. Ask an admin to create you.",
  emailNotVerified: "The identity provider has not verified your e-mail address.",
  lastAdmin: "The identity provider would take the last admin's role away. Sign in with your password.",
  cancelled: "You cancelled at the identity provider.",
};

function refusalOf(problem: string | null): ApiError | null {
  if (problem === null) return null;
  const text = Object.hasOwn(PROBLEMS, problem) ? PROBLEMS[problem] : undefined;
  return new ApiError(text === undefined ? "provider" : problem, text ?? "The identity provider did not sign you in.");
}

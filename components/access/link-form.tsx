"use client";

import { type FormEvent, useEffect, useState } from "react";
import { ApiError } from "../api.ts";
import { paths } from "../paths.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { useHold } from "../ui/refresh.tsx";
import { ErrorState, Skeleton } from "../ui/states.tsx";
import { leaveFor, postAuth } from "./auth.ts";
import { EntryField, Refusal } from "./entry-field.tsx";
import { useAttempt } from "./use-attempt.ts";

/** Whose link it is. The link of the first admin is nobody's yet. */
interface LinkFacts {
  kind: "firstAdmin" | "password";
  email: string | null;
  name: string | null;
}

type State =
  | { kind: "asking" }
  | { kind: "failed"; error: ApiError }
  | { kind: "ready"; code: string; facts: LinkFacts };

const NO_CODE = new ApiError("BAD_INPUT", "This address lacks its code. Copy the whole link, with all behind the #.");

/** Chooses a password with a one-time link. The code is behind the address's #, which no server and no log gets. */
export function LinkForm({ least }: { least: number }) {
  const [state, setState] = useState<State>({ kind: "asking" });
  useHold(true);

  useEffect(() => {
    const ask = async () => {
      const code = location.hash.slice(1);
      if (code === "") return setState({ kind: "failed", error: NO_CODE });
      setState({ kind: "asking" });
      try {
        setState({ kind: "ready", code, facts: await postAuth<LinkFacts>("link/read", { code }) });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setState({ kind: "failed", error });
      }
    };
    void ask();
    // Another link that is pasted over this one loads no page.
    const again = () => void ask();
    window.addEventListener("hashchange", again);
    return () => window.removeEventListener("hashchange", again);
  }, []);

  if (state.kind === "asking") return <Skeleton className="h-48" />;
  if (state.kind === "failed") {
    return (
      <ErrorState
        title="This link cannot be used"
        code={state.error.code}
        action={<LinkButton href={paths.signIn()}>Sign in</LinkButton>}
      >
        {state.error.message}
      </ErrorState>
    );
  }
  return <ChoosePassword key={state.code} code={state.code} facts={state.facts} least={least} />;
}

function ChoosePassword({ code, facts, least }: { code: string; facts: LinkFacts; least: number }) {
  const { pending, refusal, attempt } = useAttempt<"link">();
  const isFirst = facts.kind === "firstAdmin";

  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const typed = Object.fromEntries(new FormData(event.currentTarget));
    void attempt("link", async () => {
      await postAuth("link", { code, ...typed, ...(isFirst ? {} : { email: undefined }) });
      await leaveFor(paths.overview());
    });
  };

  return (
    <form onSubmit={send} className="flex flex-col gap-4">
      <p className="text-muted">
        {isFirst
          ? "You become the first admin of this installation. The link works once."
          : "Choose your password. It replaces the one before, and the link works once."}
      </p>
      <Refusal of={refusal} />
      <EntryField
        name="email"
        type="email"
        label="E-mail address"
        autoComplete="username"
        readOnly={!isFirst}
        defaultValue={facts.email ?? ""}
        description={isFirst ? "What you sign in with. No mail is sent." : undefined}
      />
      {isFirst ? <EntryField name="name" label="Your name" autoComplete="name" /> : null}
      <EntryField
        name="password"
        type="password"
        label="Password"
        autoComplete="new-password"
        minLength={least}
        description={`At least ${least} characters that are hard to guess. A few words that do not belong together do well.`}
      />
      <Button type="submit" kind="primary" pending={pending !== null}>
        {isFirst ? "Become admin" : "Set the password"}
      </Button>
    </form>
  );
}
